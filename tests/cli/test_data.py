"""`landlab data import` and `landlab data fetch` as people call them: whole datasets, or one line and nothing."""

import signal
import subprocess
import time

import numpy as np
import pytest

from landlab_mgr.catalog import Catalog
from landlab_mgr.cli.data import _pairs
from landlab_mgr.data import store
from landlab_mgr.data.sources import generic
from landlab_mgr.errors import LandlabError

from ..data.sources import flux_files, others
from ..data.sources.miniature import write_differland
from ..data.sources.zenodo import Zenodo
from .command import command, landlab, refused


@pytest.fixture(scope="session")
def differland(tmp_path_factory):
    return write_differland(tmp_path_factory.mktemp("drivers") / "differland")


def datasets(workspace):
    """What `landlab data ls` shows."""
    with Catalog(workspace / "landlab.db", read_only=True) as catalog:
        return catalog.datasets()


@pytest.mark.slow
def test_differland_from_download_to_dataset(differland, tmp_path):
    ws = tmp_path / "ws"
    with Zenodo({p.name: p.read_bytes() for p in differland.iterdir()}).running() as server:
        server.faults = [("drop", 200_000), ("drop", 300_000)]
        done = landlab("data", "fetch", "differland", "--to", tmp_path / "files", "--url", server.url)
    assert "5 files in" in done.stdout
    assert "landlab data import differland" in done.stdout
    streams = ("--stream", "lai=LAI_COPERNICUS", "--stream", "fire=none")
    done = landlab(
        *("data", "import", "differland", tmp_path / "files", *streams, "--min-pixels", 15, "--name", "mini"),
        *("--units", "LWE_normalized=cm", "--dt", 30),
        workspace=ws,
    )
    assert "858 pixels in 12 patches, 24 steps" in done.stdout
    assert "1 of 859 valid pixels lack a predictor" in done.stdout
    (found,) = datasets(ws)
    assert found.name == "mini"
    assert "as the Zenodo record" in found.licence
    ds = store.open_dataset(ws / found.url)
    assert "fire" not in ds
    assert ds["lai"].attrs["source"] == "LAI_COPERNICUS"
    assert ds.attrs["dt_days"] == 30
    assert np.nanmax(abs(ds["ewt"].values)) > 1500
    assert len(list((ws / "data").iterdir())) == 1


def test_mistakes_are_one_line(differland, tmp_path):
    ws = tmp_path / "ws"

    def line(*options):
        return refused("data", "import", "differland", *options, workspace=ws)

    assert "fetch differland --to" in line(tmp_path / "absent")
    assert "write --stream lai=LAI_COPERNICUS" in line(differland, "--stream", "lai")
    assert not ws.exists()


def test_driver_files_and_somebodys_own(tmp_path):
    ws = tmp_path / "ws"
    path = others.write_drivers(others.drivers().drop_vars("LON"), tmp_path / "site.cbf.nc")
    landlab("data", "import", "cardamom_nc", path, "--lon", -105.55, "--name", "one", workspace=ws)
    source, mapping = others.write_sites(tmp_path / "sites")
    landlab("data", "import", "generic", source, "--mapping", mapping, workspace=ws)
    found = {d.name: d.n_pixels for d in datasets(ws)}
    assert found.pop("one") == 1
    assert len(found) == 1
    assert "no file" in refused("data", "import", "cardamom_nc", tmp_path / "absent.nc", workspace=ws)


def test_options_in_pairs():
    assert _pairs("--units", ["PREC = mm/d", "LAI=m2=m-2"], "") == {"PREC": "mm/d", "LAI": "m2=m-2"}
    assert _pairs("--units", None, "") == {}
    with pytest.raises(LandlabError, match="--units says PREC twice"):
        _pairs("--units", ["PREC=mm/d", "PREC=mm/h"], "")


def test_a_fetch_that_cannot_be(differland, tmp_path):
    with Zenodo({}).running() as server:
        url = server.url
    gone = refused("data", "fetch", "differland", "--to", tmp_path / "files", "--url", url, "--retries", 0)
    assert "refused" in gone
    assert url in gone


@pytest.mark.slow
def test_killed_at_any_moment_there_is_no_dataset(differland, tmp_path):
    ws = tmp_path / "ws"
    landlab("init", workspace=ws)
    arguments = ("data", "import", "differland", differland)
    rng = np.random.default_rng(11)
    seen = 0
    for share in rng.uniform(0, 1, 3):
        process = subprocess.Popen(command(*arguments, workspace=ws), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while (
            not list((ws / "data").glob(".*.tmp")) and process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.002)
        time.sleep(0.6 * share)  # somewhere between the first byte written and the dataset's name
        process.send_signal(signal.SIGKILL)
        seen += process.wait() == -signal.SIGKILL
        assert datasets(ws) == []
        assert not store.list_published(ws / "data")
    assert seen == 3
    landlab(*arguments, workspace=ws)
    assert [d.name for d in datasets(ws)] == ["differland"]
    assert len(list((ws / "data").iterdir())) == 1  # what the killed ones left is swept


def test_the_example_of_a_mapping_is_one():
    said = landlab("data", "import", "generic", "--example").stdout
    assert said == generic.EXAMPLE


def test_towers_are_imported_and_what_was_kept_is_shown(tmp_path):
    ws, folder = tmp_path / "ws", flux_files.write_towers(tmp_path / "towers")
    arguments = ("data", "import", "fluxnet", folder)
    for option, message in (
        (("--years", "2016"), "--years '2016': write the first and the last"),
        (("--place", "AA-One=north"), "write --place AA-One=LAT,LON"),
        (("--assume", "AA-One.precip=much"), "write --assume"),
    ):
        assert message in refused(*arguments, *option, workspace=ws)
    said = landlab(*arguments, workspace=ws).stdout
    assert "24 of 24" in said
    assert "dataset towers" in said
    assert "0 errors" in landlab("data", "check", "towers", workspace=ws).stdout


def test_a_mapping_is_asked_for_or_proposed(tmp_path):
    path, _ = others.write_sites(tmp_path)
    assert "--guess proposes one" in refused("data", "import", "generic", path, workspace=tmp_path / "ws")
    assert "[forcing]" in landlab("data", "import", "generic", path, "--guess").stdout
