"""Bringing grids into a workspace: every kind of cell is checked before any run is registered."""

import pytest
from typer.testing import CliRunner

from landlab_mgr import cli
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace import housekeeping, register
from landlab_mgr.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def published(planet, tmp_path_factory):
    ws = Workspace.at(tmp_path_factory.mktemp("register") / "ws")
    with ws.create() as catalog:
        register.dataset(ws, catalog, planet.drop_vars("nee_site"))
    return ws


def grid(planet, axes, name="g", seeds=2):
    return GridSpec(
        name=name,
        dataset=planet.attrs["name"],
        setups=(("PFT",), ("CLIM",)),
        seeds=seeds,
        axes=axes,
        base={"warmup_months": 12} if "warmup_months" not in axes else {},
    )


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        ({"process.water_stress": ("linear", "sqrt")}, "unknown water_stress process 'sqrt'"),
        ({"process.water_stress": ("linear", "nn_paw@2")}, "'nn_paw' is installed in version 1, not 2"),
        ({"streams": (("lai",), ("lai", "nee_site"))}, "does not observe 'nee_site'"),
        ({"warmup_months": (12, 36)}, "warmup_months = 36"),
    ],
)
def test_every_value_of_an_axis_is_checked_first(published, planet, axes, says):
    with published.open() as catalog:
        with pytest.raises(LandlabError, match=says):
            register.grid(published, catalog, grid(planet, axes, name="refused"))
        assert "refused" not in [g.name for g in catalog.grids()]


def test_a_grid_gains_values_of_an_axis(published, planet):
    with published.open() as catalog:
        axis = "process.water_stress"
        first = register.grid(published, catalog, grid(planet, {axis: ("linear", "none")}))
        assert (first.added, first.existing) == (8, 0)
        again = register.grid(published, catalog, grid(planet, {axis: ("none", "linear")}))
        assert (again.added, again.existing) == (0, 8)
        wider = register.grid(published, catalog, grid(planet, {axis: ("linear", "none", "nn_flux")}))
        assert (wider.added, wider.existing) == (4, 8)
        [record] = [g for g in catalog.grids() if g.name == "g"]
        assert record.spec.axes == {axis: ("linear", "none", "nn_flux")}
        assert record.counts["pending"] == 12
        assert len(catalog.runs("setup.process.water_stress = 'nn_flux'")) == 4


def test_registering_says_how_many_setups_there_are(published, planet, tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        f"""
name = "said"
dataset = "{planet.attrs["name"]}"
setups = [["PFT"], ["CLIM"]]
seeds = 5
[axes]
"process.water_stress" = ["none", "acm_nn_et"]
"optimizer.epochs" = [3, 4, 5]
[base]
warmup_months = 12
"""
    )
    done = CliRunner().invoke(cli.app, ["grid", "register", str(path), "-w", str(published.root)])
    assert "60 runs added, 0 already there (12 setups x 5 seeds)" in " ".join(done.output.split())
    with published.open(read_only=True) as catalog:
        run_id = catalog.runs("setup.process.water_stress = 'acm_nn_et'")["run_id"].iloc[0]
    shown = CliRunner().invoke(cli.app, ["show", run_id, "-w", str(published.root)])
    assert "'water_stress': 'acm_nn_et'" in " ".join(shown.output.split())


def test_a_second_name_takes_nothing_away(published, planet):
    first = planet.attrs["name"]
    with published.open() as catalog:
        register.grid(published, catalog, grid(planet, {}, name="of-first"))
        before = catalog.dataset(first)
        record = register.dataset(
            published, catalog, planet.drop_vars("nee_site").assign_attrs(name="second")
        )
        assert (record.names, record.url) == ((first, "second"), before.url)
        assert [p.name for p in published.data.glob("*.zarr")] == [before.url.removeprefix("data/")]
        of_second = grid(planet.assign_attrs(name="second"), {}, name="of-second")
        assert register.grid(published, catalog, of_second).existing == 4
        assert not [f for f in housekeeping.examine(published, catalog) if f.subject != str(published.root)]
    for verb in (
        "data show second",
        f"data check {first}",
        "grid missing of-first",
        "grid missing of-second",
    ):
        result = CliRunner().invoke(cli.app, [*verb.split(), "-w", str(published.root)])
        assert result.exit_code == 0, result.output
    listed = CliRunner().invoke(cli.app, ["data", "ls", "-w", str(published.root)])
    assert "also called" in listed.output
