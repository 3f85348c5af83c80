"""Partitioning by pixel: a game with another answer at every pixel, labels that differ by seed, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import partition, partition_map, runs
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts

from . import sample

pytestmark = pytest.mark.slow

PIXELS = 12
GROUPS = ("PFT", "CLIM")
WORTH = {"PFT": np.linspace(-0.5, 0.6, PIXELS), "CLIM": np.full(PIXELS, 0.15)}
WORTH["CLIM"][0] = -0.1  # where both do harm, none is dominant
TEST = slice(0, 2)
COMPARED = {"biomass": 5}
"""Years, or months, that a pixel has; SST of et is 0 everywhere."""
DEV = {0: slice(2, 7), 1: slice(5, 10)}
"""Of seed 0 and of seed 1; pixels 5 and 6 are of both, 10 and 11 train in both."""


def lai(spec):
    """R2 [pixel]: additive, but for what the two have in common; a seed has 0.1 more."""
    there = set(spec.predictors) & set(GROUPS)
    both = 0.05 * (len(there) == 2)
    return np.full(PIXELS, 0.1) + sum(WORTH[g] for g in there) - both + 0.1 * spec.seeds.init


def skill(spec):
    label = np.full(PIXELS, "train", object)
    label[TEST], label[DEV[spec.seeds.init]] = "test", "dev"
    r2 = {"lai": lai(spec), "et": np.full(PIXELS, np.nan), "sif": lai(spec), "biomass": lai(spec)}
    shape = ("period", "pixel", "statistic")
    data = {
        v: (shape, np.stack([x, np.full(PIXELS, COMPARED.get(v, 24))], axis=1)[None]) for v, x in r2.items()
    }
    data["sif"][1][0, 3, 1] = 2  # any two months correlate
    ds = xr.Dataset(data, {"period": ["observation"], "statistic": ["R2", "n"]})
    return {"skill": ds.assign(split=artifacts.flags("pixel", label, ("train", "dev", "test")))}


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    spec = GridSpec(
        name="factorial",
        dataset=planet.attrs["name"],
        factorial=GROUPS,
        setups=(("CONTROL",), ("LATLON",)),
        seeds=2,
        base={"warmup_months": 12},
    )
    return sample.make_with_files(tmp_path_factory.mktemp("maps") / "ws", planet, skill, spec)


def run(workspace, filter="", **options):
    options = {"statistic": "R2"} | options
    with workspace.open() as catalog:
        return analysis.run(workspace, catalog, "partition_map", filter, options=options)


def test_every_pixel_is_partitioned_by_the_members_that_it_is_dev_for(workspace, planet):
    result = run(workspace)
    ds = result.dataset.sel(variable="lai")
    assert list(result.dataset["variable"].values) == ["lai", "sif", "biomass"]
    all_of = {
        v: int((result.dataset["members"].sel(variable=v) > 0).sum()) for v in ("lai", "sif", "biomass")
    }
    assert all_of == {"lai": 8, "sif": 7, "biomass": 8}, "sif has two months at a pixel"
    assert list(ds["members"].values) == [0, 0, 1, 1, 1, 2, 2, 1, 1, 1, 0, 0]
    dev = slice(2, 10)
    for group in GROUPS:
        part = ds["independent"].sel(group=group).values
        assert part[dev] == pytest.approx(WORTH[group][dev] - 0.025, abs=1e-6)
        assert np.isnan(part[[0, 1, 10, 11]]).all()
        assert ds["joint"].sel(group=group).values[dev] == pytest.approx(0.025, abs=1e-6)
    assert ds["control"].values[2:10] == pytest.approx([0.1, 0.1, 0.1, 0.15, 0.15, 0.2, 0.2, 0.2], abs=1e-6)
    total = ds["control"] + ds["independent"].sum("group", skipna=False)
    assert total.values[dev] == pytest.approx(ds["full"].values[dev], abs=1e-6)
    structure, unknown = partition_map.STRUCTURE, partition_map.UNKNOWN
    codes = [unknown] * 2 + [1] * 3 + [structure] * 3 + [0] * 2 + [unknown] * 2
    assert list(ds["dominant"].values) == codes
    area = planet["area_m2"].values
    assert float(ds["share_of_structure"]) == pytest.approx(area[5:8].sum() / area[dev].sum())
    full = float((ds["full"].values * area)[dev].sum())
    for group in GROUPS:
        part = float((ds["independent"].sel(group=group).values * area)[dev].sum())
        assert float(ds["explained"].sel(group=group)) == pytest.approx(part / full, rel=1e-5)
    assert float(ds["explained"].sum() + ds["explained_by_structure"]) == pytest.approx(1)
    assert float(ds["share"].sel(group="PFT")) == pytest.approx(area[8:10].sum() / area[dev].sum())
    assert "et is not partitioned" in result.dataset.attrs["notes"]
    assert "lai: 8 of 12 pixels, on dev pixels, with 1 to 2 members" in result.dataset.attrs["notes"]


def test_test_pixels_are_of_all_members_and_counted(workspace):
    with workspace.open() as catalog:
        before = catalog.test_reads()
    ds = run(workspace, split="test").dataset.sel(variable="lai")
    with workspace.open() as catalog:
        assert catalog.test_reads() == before + 1
    assert list(ds["members"].values) == [2, 2] + [0] * 10
    assert list(ds["dominant"].values[:2]) == [partition_map.STRUCTURE, partition_map.STRUCTURE]
    assert float(ds["share"].sum()) < 1


def test_the_mean_over_pixels_is_the_partition_of_the_means(workspace):
    with workspace.open(read_only=True) as catalog:
        loaded, options = sample.loaded(
            partition_map.ANALYSIS, workspace, catalog, "seed = 0", variables="lai", statistic="R2"
        )
        ds = partition_map.compute(loaded, options)
        found = partition.design(loaded)
        files = list(runs.files(loaded, "skill"))
    means = [np.mean([files[i]["lai"].values[0, DEV[0], 0].mean() for i in rows]) for rows in found.rows]
    expected = partition.independent_parts(found.groups, np.array(means))
    assert ds["independent"].isel(variable=0).mean("pixel").values == pytest.approx(expected, abs=1e-6)


def test_table_and_figure(workspace):
    ds = run(workspace, variables="lai").dataset
    [row] = partition_map.table(ds).to_dict("records")
    assert row["pixels"] == 8
    assert row["PFT first"] + row["CLIM first"] + row["structure first"] + row["none first"] == pytest.approx(
        100
    )
    assert row["structure of all"] + row["PFT of all"] + row["CLIM of all"] == pytest.approx(100)
    fig = partition_map.figure(ds)
    assert fig.axes[0].get_title(loc="left").startswith("LAI: structure ")
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [
        *("structure and forcing", "PFT", "CLIM", "none")
    ]
    assert sum(len(c.get_offsets()) for c in fig.axes[0].collections) == 8
    assert "dev pixels" in fig.get_suptitle()
    assert "synthetic" in fig.get_suptitle()


@pytest.mark.parametrize(
    ("filter", "options", "message"),
    [
        ("", {"variables": "sst"}, "no run has skill of 'sst' by pixel; there are: et, lai, sif, biomass"),
        ("", {"split": "withheld"}, "none of 0 variables has R2 on withheld months"),
        ("setup.groups != 'CONTROL'", {}, "1 of 4 setups have no completed run: CONTROL"),
        (
            "setup.groups != 'PFT' or seed = 1",
            {"variables": "et"},
            "none of 1 variables has R2 on dev pixels",
        ),
    ],
)
def test_what_is_refused(workspace, filter, options, message):
    with pytest.raises(LandlabError, match=message):
        run(workspace, filter, **options)


def test_all_pixels_are_of_every_member_and_counted(workspace):
    with workspace.open() as catalog:
        before = catalog.test_reads()
    ds = run(workspace, split="all").dataset
    with workspace.open() as catalog:
        assert catalog.test_reads() == before + 1
    assert list(ds["members"].sel(variable="lai").values) == [2] * PIXELS
    assert "lai: 12 of 12 pixels, on all pixels by every member, with 2 members" in ds.attrs["notes"]
    assert "with 2 members in every set; left out: 1 observed too shortly" in ds.attrs["notes"]
    assert "not in the runs' files of skill: " in ds.attrs["notes"]


def test_one_member_a_set_is_said(workspace):
    notes = run(workspace, "seed = 0").dataset.attrs["notes"]
    assert "lai: 5 of 12 pixels, on dev pixels, with 1 member in every set" in notes
