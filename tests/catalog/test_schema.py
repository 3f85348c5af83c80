"""The schema: migrations are its only source, and the database itself keeps the rules."""

import shutil
import sqlite3
from dataclasses import asdict

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, insert, inspect, update
from sqlalchemy.exc import IntegrityError

from landlab_mgr.catalog import Catalog, DatasetRecord, register, session
from landlab_mgr.catalog.tables import Attempt, Base, Dataset, Metric, Run
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import resources

from .sample import claim, create, upgrade

HEAD = ScriptDirectory(str(resources.resource("migrations"))).get_current_head()


def test_migrations_make_exactly_the_mapped_tables(catalog, url):
    with session.migrating(url) as config:
        command.check(config)
    with catalog.transaction() as tx:
        found = inspect(tx)
        assert set(found.get_table_names()) == {*Base.metadata.tables, session.VERSION_TABLE}
        for name, table in Base.metadata.tables.items():
            checks = {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
            assert {c["name"] for c in found.get_check_constraints(name)} == checks
            assert all(key["name"] for key in found.get_foreign_keys(name))
            assert found.get_pk_constraint(name)["name"] == f"pk_{name}"


def test_check_notices_a_column_that_no_migration_makes(catalog, url):
    with catalog.transaction(write=True) as tx:
        tx.exec_driver_sql("ALTER TABLE run DROP COLUMN seed_split")
    with pytest.raises(Exception, match="seed_split"), session.migrating(url) as config:
        command.check(config)


OPTUNA = """
CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name VARCHAR(512) NOT NULL);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE version_info (version_info_id INTEGER PRIMARY KEY CHECK (version_info_id = 1), schema_version INTEGER);
CREATE TABLE study_directions (study_direction_id INTEGER PRIMARY KEY, direction VARCHAR(8) NOT NULL,
    study_id INTEGER NOT NULL REFERENCES studies (study_id), objective INTEGER NOT NULL, UNIQUE (study_id, objective));
CREATE TABLE study_user_attributes (study_user_attribute_id INTEGER PRIMARY KEY,
    study_id INTEGER REFERENCES studies (study_id), "key" VARCHAR(512), value_json TEXT, UNIQUE (study_id, "key"));
CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER REFERENCES studies (study_id),
    state VARCHAR(8) NOT NULL, datetime_start TIMESTAMP, datetime_complete TIMESTAMP);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_params (param_id INTEGER PRIMARY KEY, trial_id INTEGER REFERENCES trials (trial_id),
    param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT, UNIQUE (trial_id, param_name));
CREATE TABLE trial_heartbeats (trial_heartbeat_id INTEGER PRIMARY KEY,
    trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (trial_id), heartbeat TIMESTAMP NOT NULL);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('v3.2.0.a');
INSERT INTO studies VALUES (1, 'theirs')
"""
"""Tables as Optuna's storage makes them, its own Alembic's among them."""


def test_the_tables_of_others_are_left_alone(catalog, url):
    with catalog.transaction(write=True) as tx:
        for statement in OPTUNA.split(";"):
            tx.exec_driver_sql(statement)
        theirs = set(inspect(tx).get_table_names()) - {*Base.metadata.tables, session.VERSION_TABLE}
    assert len(theirs) == 8
    with session.migrating(url) as config:
        command.check(config)
        command.downgrade(config, "base")
        command.upgrade(config, "head")
        command.check(config)
    with Catalog(url).transaction() as tx:
        assert theirs < set(inspect(tx).get_table_names())
        assert tx.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "v3.2.0.a"
        assert tx.exec_driver_sql("SELECT study_name FROM studies").scalar() == "theirs"


def test_downgrade_and_upgrade(catalog, url):
    catalog.close()
    with session.migrating(url) as config:
        command.downgrade(config, "base")
    with pytest.raises(LandlabError, match=r"older.*`landlab catalog upgrade`"):
        Catalog(url)
    with Catalog.upgrade(url) as again:
        assert again.datasets() == []


def test_create_twice_opens_what_is_there(catalog, url):
    with Catalog.create(url) as again:
        assert [d.name for d in again.datasets()] == ["twin"]


@pytest.fixture
def next_release(monkeypatch, tmp_path):
    """Migrations with one revision more than the code's."""
    later = tmp_path / "migrations"
    shutil.copytree(resources.resource("migrations"), later)
    (later / "versions" / "9999_later.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision = '9999'\ndown_revision = '{HEAD}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('dataset') as batch:\n"  # rebuilds a table that others refer to
        "        batch.add_column(sa.Column('later', sa.Text()))\n"
        "        batch.alter_column('licence', new_column_name='license')\n"
        "def downgrade():\n"
        "    with op.batch_alter_table('dataset') as batch:\n"
        "        batch.drop_column('later')\n"
        "        batch.alter_column('license', new_column_name='licence')\n"
    )

    def switch(on):
        monkeypatch.setattr(session, "resource", (lambda name: later) if on else resources.resource)
        monkeypatch.setattr(session, "REVISION", "9999" if on else HEAD)

    return switch


def test_older_and_newer_catalogs_are_refused_and_upgraded(catalog, runs, url, next_release):
    before = catalog.runs()
    next_release(True)
    with pytest.raises(LandlabError, match=rf"older \(revision {HEAD}\).*`landlab catalog upgrade`"):
        Catalog(url)
    assert Catalog.current(url) == HEAD
    with session.migrating(url) as config:
        command.upgrade(config, "head")
    assert Catalog.current(url) == "9999"
    next_release(False)
    for refused in (Catalog, Catalog.upgrade, Catalog.create):
        with pytest.raises(LandlabError, match=r"newer \(revision 9999\)"):
            refused(url)
    next_release(True)
    with session.migrating(url) as config:
        command.downgrade(config, HEAD)
    next_release(False)
    assert Catalog(url).runs().equals(before)  # rebuilding the dataset table took no run with it


def test_several_that_create_at_once(databases, processes):
    with databases(with_catalog=False) as url:
        assert processes.map(create, [url] * 4, chunksize=1) == [HEAD] * 4


def test_several_that_upgrade_at_once(url, processes):
    with session.migrating(url) as config:
        command.downgrade(config, "-1")
    assert Catalog.current(url) != HEAD
    assert processes.map(upgrade, [url] * 4, chunksize=1) == [HEAD] * 4
    with session.migrating(url) as config:
        command.check(config)


def test_a_missing_catalog_is_not_made_by_opening(tmp_path):
    path = tmp_path / "none.db"
    for refused in (Catalog, Catalog.upgrade, Catalog.current):
        with pytest.raises(LandlabError, match=r"none\.db; make one with `landlab init`"):
            refused(path)
    assert not path.exists()


def test_what_is_no_catalog(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("certainly not a database, but long enough to be looked at as one" * 10)
    with pytest.raises(LandlabError, match="file is not a database"):
        Catalog(path)
    other = tmp_path / "other.db"
    sqlite3.connect(other).execute("CREATE TABLE t (x)")
    with pytest.raises(LandlabError, match="is not a landlab catalog"):
        Catalog(other)
    with pytest.raises(LandlabError, match="'mysql' databases"):
        Catalog("mysql://host/db")
    with pytest.raises(LandlabError, match="names no file"):
        Catalog("sqlite://")


def test_read_only_refuses_to_write(catalog, runs, url):
    with Catalog(url, read_only=True) as reader:
        assert len(reader.runs()) == 6
        with pytest.raises(LandlabError, match="reading only"):
            claim(reader)
        with pytest.raises(LandlabError, match=r"read-?only"), reader.transaction() as tx:
            tx.exec_driver_sql("DELETE FROM grid_run")  # the database refuses it, whatever the code does
    assert catalog.counts()["pending"] == 6


METRIC = {"split": "dev", "variable": "v", "statistic": "s", "level": "l", "value": 1.0, "kind": "finite"}


@pytest.mark.parametrize(
    ("table", "change", "constraint"),
    [
        (Metric, {"run_id": "nobody"}, "FOREIGN KEY|fk_metric_run_id"),
        (Metric, {"value": None}, "ck_metric_value_pair"),
        (Metric, {"kind": "huge"}, "ck_metric_kind"),
        (Dataset, {"kind": "imagined"}, "ck_dataset_kind"),
        (Dataset, {"name": "twin"}, r"dataset\.name|uq_dataset_name"),
    ],
)
def test_the_database_refuses(catalog, runs, table, change, constraint):
    if table is Metric:
        row = METRIC | {"run_id": runs[0].run_id}
    else:
        row = asdict(catalog.dataset("twin")) | {"fingerprint": "other", "name": "other"}
        del row["aliases"]
    with catalog.transaction(write=True) as tx:
        good = tx.begin_nested()
        tx.execute(insert(table).values(**row))  # the row is good but for the change
        good.rollback()
    with pytest.raises(IntegrityError, match=constraint), catalog.transaction(write=True) as tx:
        tx.execute(insert(table).values(**row | change))


def test_the_database_refuses_a_second_going_attempt(catalog, runs):
    claim(catalog)
    with catalog.transaction() as tx:
        row = dict(tx.execute(Attempt.__table__.select()).mappings().one())
    row |= {"id": row["id"] + 1, "number": 2, "token": "other"}
    with pytest.raises(IntegrityError, match="attempt"), catalog.transaction(write=True) as tx:
        tx.execute(insert(Attempt).values(**row))


def test_a_failed_transaction_leaves_nothing(catalog, runs):
    with pytest.raises(ZeroDivisionError), catalog.transaction(write=True) as tx:
        1 / (tx.execute(update(Run).values(state="failed")).rowcount - 6)
    assert catalog.counts()["failed"] == 0


def test_secrets_in_urls_are_not_stored(catalog):
    url = "s3://key:sec%2Fret@bucket/x.zarr?X-Amz-Signature=abc&b=c#d"
    catalog.register_dataset(DatasetRecord("ff", "remote", url, "real", 1, 1, 1, "s", "l"))
    assert catalog.dataset("remote").url == "s3://key:***@bucket/x.zarr?X-Amz-Signature=***&b=***#d"
    assert register.redacted("data/a:b@c?d=e") == "data/a:b@c?d=e"


def test_resources():
    assert (resources.resource("migrations") / "env.py").is_file()
    with pytest.raises(LandlabError, match="known: migrations, app, experiments"):
        resources.resource("nothing")
