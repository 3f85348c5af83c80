"""A workspace copied whole while it is in use; what doctor says where its database is damaged."""

import pytest

from landlab_mgr.catalog import Catalog
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace import backup, housekeeping
from landlab_mgr.workspace.workspace import Workspace

from ..app import sample
from .test_housekeeping import attempt, catalog, checkpoint, made, ws  # noqa: F401


def test_a_copy_is_whole_and_sound(ws, catalog, tmp_path):  # noqa: F811
    going, directory = attempt(ws, catalog, "checkpoint-1")
    catalog.record(going.token, [sample.epoch(1)], checkpoint(ws, directory / "checkpoint-1"))
    (ws.runs / "leftover").write_text("not in the catalog")
    files, count = backup.workspace(ws, catalog, tmp_path / "copy")
    assert files > 2
    assert count > 0
    target = Workspace.at(tmp_path / "copy", str(tmp_path / "copy" / "landlab.db"))
    assert not (target.runs / "leftover").exists()
    with target.open() as copied:
        assert copied.runs().equals(catalog.runs())
        assert housekeeping.examine(target, copied, deep=True) == housekeeping.examine(ws, catalog, deep=True)
    with pytest.raises(LandlabError, match="is not empty; name a new directory"):
        backup.workspace(ws, catalog, tmp_path / "copy")


def test_a_file_that_is_gone_is_named_and_nothing_stays(ws, catalog, tmp_path):  # noqa: F811
    next(ws.runs.rglob("*.zarr.zip")).unlink()
    with pytest.raises(LandlabError, match="1 catalogued files are missing or altered, such as runs/"):
        backup.workspace(ws, catalog, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / ".copy.part").exists()


def test_a_damaged_database_is_an_error_that_says_how_to_save_it(ws, catalog):  # noqa: F811
    catalog.close()
    path = ws.root / "landlab.db"
    with Catalog(path) as whole:
        for _ in range(300):
            run_id = whole.outline()["run_id"][0]
            whole.tag([run_id], "t")
            whole.untag([run_id], "t")
        with whole.transaction() as tx:
            page = tx.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)") and path.stat().st_size // 4096 - 4
    with open(path, "r+b") as file:
        file.seek(4096 * page)
        file.write(b"\x5a" * 4096 * 3)
    with ws.open(read_only=True) as damaged:
        [finding] = housekeeping.examine(ws, damaged)
    assert finding.severity == "error"
    assert "is damaged" in finding.problem
    assert ".recover" in finding.remedy
    assert "landlab catalog copy" in finding.remedy
