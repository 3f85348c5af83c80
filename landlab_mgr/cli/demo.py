"""The demo: a twin planet, a factorial grid, training, the best members, and what each predictor group brought."""

import time

from rich.text import Text

from landlab_mgr import analysis
from landlab_mgr.analysis import selection
from landlab_mgr.campaign import launch
from landlab_mgr.catalog import Catalog, EnsembleRecord
from landlab_mgr.cli.progress import doing
from landlab_mgr.data import twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.storage.resources import resource
from landlab_mgr.workspace import register
from landlab_mgr.workspace.display import console, duration, show
from landlab_mgr.workspace.workspace import Workspace

QUICK_EPOCHS = 5
PLANET = (128, 3, 6, 0)
"""Patches, pixels of each, years and seed."""


def run(workspace: Workspace, quick: bool = False) -> None:
    """Make the planet, register and train the grid, select members, print and draw skill and partition.

    Interrupted, it goes on where it was. `quick` trains few epochs, as a check that everything works.
    """
    started = time.monotonic()
    grid = load_grid(resource("experiments") / "twin.toml")
    if quick:
        base = grid.base | {"optimizer": grid.base["optimizer"] | {"epochs": QUICK_EPOCHS}}
        grid = grid.model_copy(update={"name": f"{grid.name}-quick", "base": base})
    with workspace.create() as catalog:
        console.print(
            Text("1", "bold"), "a twin planet: real coastlines, drawn climate, a known truth (synthetic)"
        )
        with doing("coastlines, climate, soils and forests") as tell:
            planet = twin.design(*PLANET, tell=tell)
            record = register.dataset(workspace, catalog, planet.skeleton(), planet.parts())
        console.print(
            f"  {record.name}: {record.n_pixels} pixels in {record.n_patches} patches, {record.n_months} steps"
        )
        done = register.grid(workspace, catalog, grid)
        console.print(
            Text("2", "bold"),
            f"the grid {grid.name}: {len(grid.predictor_sets)} predictor sets x "
            f"{len(grid.seed_list)} seeds; {done.added} runs registered, {done.existing} already there",
        )
        console.print(
            Text("3", "bold"),
            "training (Ctrl-C stops it; `landlab demo` goes on); the first epochs wait for the compiler",
        )
        # in this process, which compiles once: two workers would start and compile for as long as they save
        summary = launch.pending(workspace, catalog, grid=grid.name, workers=launch.Workers(executor="local"))
        if summary.interrupted:
            raise LandlabError("the demo was interrupted; run it again to go on")
        chosen = _selected(catalog, grid.name, keep=max(1, len(grid.seed_list) - 1))
        kept = sum(m.kept for m in chosen.members)
        console.print(
            Text("4", "bold"),
            f"ensemble {chosen.name}: {kept} of {len(chosen.members)} members kept, of each setup the "
            "best by training loss",
        )
        results = []
        for name in ("skill", "partition"):
            with doing(f"the analysis {name}"):
                options = {"statistic": "r2"}
                results.append(
                    analysis.run(workspace, catalog, name, f"ensemble = '{chosen.name}'", options=options)
                )
    titles = (
        "r2 on the dev patches, mean over members",
        "contribution of each predictor group, beside the truth",
    )
    for number, title, result in zip("56", titles, results, strict=True):
        console.print(Text(number, "bold"), title)
        show(result.analysis.table(result.dataset), brief=True)
        for line in str(result.dataset.attrs.get("notes", "")).splitlines():
            console.print(f"  {line}", markup=False, soft_wrap=True)
        path = workspace.root / f"{result.analysis.name}.png"
        with doing("drawing it"):
            result.save_figure(path)
        console.print(f"  figure: {path}", markup=False)
    where = workspace.root
    console.print(f"done in {duration(time.monotonic() - started)}. Next:")
    for line, why in (
        (f"landlab app -w {where}", "every run, analysis and map in the browser; the truth under Analyses"),
        (
            f"landlab trace {where / 'partition.png'} -w {where}",
            "what the figure is made of, and how to make it again",
        ),
        (f"landlab report --ensemble {chosen.name} -w {where}", "every analysis in one page"),
        ("landlab data import fluxval DIR", "real towers (`landlab guide your-own-data`)"),
    ):
        console.print(f"  {line}    {why}", markup=False, soft_wrap=True)


def _selected(catalog: Catalog, grid: str, keep: int) -> EnsembleRecord:
    """Return the grid's first selection, made where there is none."""
    known = {ensemble.name: ensemble for ensemble in catalog.ensembles()}
    return known.get(f"{grid}@1") or selection.select(catalog, grid, keep, fewer=True)
