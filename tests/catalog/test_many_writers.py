"""Many processes that claim and write at once: the benchmark's counts in its short form, and that it can fail."""

import json

import pytest
import typer

from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from tests.bench import catalog as bench
from tests.bench import commands

pytestmark = pytest.mark.slow

CLAIMS, EACH = 300, 4


@pytest.fixture(scope="module")
def figures(databases, processes):
    with databases() as url:
        return bench.measure(url, processes, 4, CLAIMS, CLAIMS * EACH)


def test_every_claim_is_one_process_s_and_every_write_is_kept(figures):
    assert figures.wrong == []
    assert (figures.claims, figures.writes) == (CLAIMS, CLAIMS * EACH)
    assert figures.write_p50_ms <= figures.write_p99_ms <= figures.write_max_ms
    assert figures.write_p99_ms < 2000  # 250 for the full form on an idle machine


def test_it_measures_what_it_says(figures):
    assert (figures.settings, figures.frame_columns) == (20, 40)
    assert 0 < figures.filter_ms < 5000
    commands.report_catalog(figures)


def test_lost_rows_are_noticed(databases, processes, capsys):
    with databases() as url:
        with Catalog(url) as catalog, catalog.transaction(write=True) as tx:
            if url.startswith("postgresql"):
                tx.exec_driver_sql("CREATE RULE forget AS ON INSERT TO epoch DO INSTEAD NOTHING")
            else:
                tx.exec_driver_sql(
                    "CREATE TRIGGER forget BEFORE INSERT ON epoch BEGIN SELECT RAISE(IGNORE); END"
                )
        figures = bench.measure(url, processes, 4, 10, 20)
    assert figures.wrong == ["20 lost rows"]  # 10 epochs, and those that the runs count
    with pytest.raises(typer.Exit) as stopped:
        commands.report_catalog(figures)
    assert stopped.value.exit_code == 1
    assert "wrong: 20 lost rows" in capsys.readouterr().err


def test_the_command(capsys):
    commands.catalog(processes=2, claims=10, writes=20, json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["engine"], row["claims"], row["writes"]) == ("sqlite", 10, 20)
    with pytest.raises(LandlabError, match="--claims 10 --writes 5"):
        commands.catalog(claims=10, writes=5)
    with pytest.raises(LandlabError, match="--server is for"):
        commands.catalog(server="postgresql://x/y")
