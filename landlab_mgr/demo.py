"""The demo: a twin planet, a factorial grid, training, and what the predictors taught."""

import time

from landlab_mgr import analysis, drive, register
from landlab_mgr.data import twin
from landlab_mgr.display import console, duration, show
from landlab_mgr.errors import LandlabError
from landlab_mgr.resources import resource
from landlab_mgr.spec import load_grid
from landlab_mgr.workspace import Workspace

QUICK_EPOCHS = 5


def run(workspace: Workspace, quick: bool = False) -> None:
    """Make the planet, register and train the grid, print dev skill by setup and write one figure.

    Interrupted, it goes on where it was. `quick` trains few epochs, as a check that everything works.
    """
    started = time.monotonic()
    grid = load_grid(resource("experiments") / "twin.toml")
    if quick:
        base = grid.base | {"optimizer": grid.base["optimizer"] | {"epochs": QUICK_EPOCHS}}
        grid = grid.model_copy(update={"name": f"{grid.name}-quick", "base": base})
    with workspace.create() as catalog:
        console.print(
            "[bold]1[/bold] a twin planet: real coastlines, drawn climate, a known truth (synthetic)"
        )
        record = register.dataset(workspace, catalog, twin.make())
        console.print(
            f"  {record.name}: {record.n_pixels} pixels in {record.n_patches} patches, {record.n_months} months"
        )
        done = register.grid(workspace, catalog, grid)
        console.print(
            f"[bold]2[/bold] the grid {grid.name}: {len(grid.predictor_sets)} predictor sets x "
            f"{len(grid.seed_list)} seeds; {done.added} runs registered, {done.existing} already there"
        )
        console.print("[bold]3[/bold] training (Ctrl-C stops it; `landlab demo` goes on)")
        summary = drive.pending(workspace, catalog, grid=grid.name)
        if summary.interrupted:
            raise LandlabError("the demo was interrupted; run it again to go on")
        result = analysis.run(workspace, catalog, "skill", grid=grid.name)
    console.print("[bold]4[/bold] R2 on the dev patches, mean over seeds")
    show(result.analysis.table(result.dataset))
    path = workspace.root / "skill.png"
    result.save_figure(path)
    where = workspace.root
    console.print(f"[bold]5[/bold] figure: {path}")
    console.print(f"done in {duration(time.monotonic() - started)}. Next:")
    console.print(
        f"  landlab trace {path}    what the figure is made of, and how to make it again", markup=False
    )
    console.print(f"  landlab app -w {where}    look at every run in the browser", markup=False)
    console.print(f"  landlab ls -w {where} \"setup.groups = 'PFT+CLIM'\"", markup=False)
    console.print("  landlab data import fluxval DIR    bring real towers (see the README)", markup=False)
