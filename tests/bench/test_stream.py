"""`landlab bench stream` at a tiny shape: figures that agree; it keeps a dataset and its packed copy, nothing else."""

import json

import pytest

from landlab_mgr.data import store
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING
from tests.cli.command import landlab

pytestmark = pytest.mark.slow

PATCHES, PIXELS, MONTHS, UPDATES = 10, 4, 18, 2
FLOAT32 = 4


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def figures(directory):
    shape = ("--patches", PATCHES, "--pixels", PIXELS, "--months", MONTHS, "--updates", UPDATES)
    [row] = json.loads(landlab("bench", "stream", *shape, "--directory", directory, "--json").stdout)
    return row


def test_rates_and_sizes_agree(figures):
    assert (figures["pixels"], figures["months"], figures["updates"]) == (PATCHES * PIXELS, MONTHS, UPDATES)
    # an update is of one patch
    assert figures["pixel_months_per_s"] == pytest.approx(figures["updates_per_s"] * PIXELS * MONTHS)
    assert figures["slowdown"] == pytest.approx(figures["memory_updates_per_s"] / figures["updates_per_s"])
    numbers = PATCHES * PIXELS * MONTHS * (len(FORCING) + len(STREAMS))
    assert numbers * FLOAT32 < figures["packed_gb"] * 1e9 < 3 * numbers * FLOAT32
    assert 0 < figures["dataset_gb"] < 1e-3
    assert min(figures["pack_seconds"], figures["evaluate_seconds"]) > 0


def test_peaks_are_of_processes_of_their_own(figures):
    pack, train, evaluate = (figures[f"{part}_peak_gb"] for part in ("pack", "train", "evaluate"))
    assert 0.05 < pack < train < 4, "who packs compiles no update"
    assert pack < evaluate < 4


def test_a_directory_keeps_the_dataset_and_its_packed_copy(figures, directory):
    [published] = store.list_published(directory)
    assert published.name == f"bench-{PATCHES}x{PIXELS}x{MONTHS}"
    packed = [path.name for path in directory.iterdir() if path != published.path]
    assert packed == [f".packed-{published.fingerprint}-dalec.zarr"]
