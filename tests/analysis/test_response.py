"""Response of one modelled quantity to another: bins by hand, the linear stress as its equation has it."""

import numpy as np
import pytest

from landlab_mgr.analysis import response
from landlab_mgr.errors import LandlabError

from .. import untrained
from . import sample

AXES = {"process.water_stress": ["linear", "none"]}


@pytest.fixture(scope="module")
def workspace(planet, tmp_path_factory):
    return untrained.make(tmp_path_factory.mktemp("response") / "ws", planet, (("PFT",),), 2, AXES)


def test_bins_have_equally_many_steps_and_their_means():
    x = np.array([5.0, 1.0, 3.0, np.nan, 4.0, 2.0, 6.0])
    y = np.array([50.0, 10.0, 30.0, 1e9, 40.0, 20.0, np.nan])
    at, means = response._binned(x, y, 2)
    np.testing.assert_allclose(at, [2.0, 4.5])
    np.testing.assert_allclose(means, [20.0, 45.0])
    assert np.isnan(response._binned(x[:2], y[:2], 3)).all()


def test_stress_follows_soil_water_as_its_process_says(workspace, planet):
    with workspace.open() as catalog:
        ds = sample.computed(response.ANALYSIS, workspace, catalog, bins=4, pixels=3)
    assert ds["response"].sizes == {"run": 4, "place": 3, "bin": 4}
    assert (ds.attrs["x"], ds.attrs["y"]) == ("water", "beta")
    assert (np.diff(ds["at"].values, axis=-1) >= 0).all()
    free = ds["of_setup"].values == next(s for s in ds["setup"].values if "none" in s)
    np.testing.assert_array_equal(ds["response"].values[free], 1.0)
    stressed = ds["response"].values[~free]
    assert ((stressed >= 0) & (stressed <= 1)).all()
    assert (stressed[..., -1] >= stressed[..., 0]).all(), "the wetter, the less stress"
    assert set(ds["chosen"].values.ravel()) <= set(ds["run"].values)
    table = response.table(ds)
    assert len(table) == 2 * 3
    assert (table["highest water"] >= table["lowest water"]).all()
    assert table["beta at the lowest"].min() < table["beta at the highest"].max()
    drawn = response.figure(ds.assign_attrs(analysis="x", filter=""))
    assert len([ax for ax in drawn.axes if ax.get_visible()]) == 3


def test_forcing_may_stand_along_the_axis(workspace):
    with workspace.open() as catalog:
        ds = sample.computed(response.ANALYSIS, workspace, catalog, x="ssrd", y="gpp", pixels=2, bins=3)
    light = ds["at"].values
    np.testing.assert_allclose(light[0], light[1], rtol=1e-6, err_msg="forcing is the same for all members")


@pytest.mark.parametrize(
    ("options", "said"), [({"y": "ssrd"}, "option y: 'ssrd'"), ({"x": "no"}, "option x: 'no'")]
)
def test_a_quantity_that_no_model_gives_is_one_line(workspace, options, said):
    with (
        workspace.open() as catalog,
        pytest.raises(LandlabError, match=f"{said} is none of what model dalec"),
    ):
        sample.computed(response.ANALYSIS, workspace, catalog, **options)
