"""`python -m tests.bench paper`: the paper by one command at its scale, on a gridded twin with the gaps of real maps.

Members are trained briefly, then `landlab reproduce paper` is run in a process of its own, whose minutes and peak
memory count. What the twin knows stands beside what was found.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from landlab_mgr import analysis
from landlab_mgr.analysis import budget, identify
from landlab_mgr.analysis.base import Ensemble
from landlab_mgr.analysis.report import narrowed
from landlab_mgr.data import twin
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

GRID = "paper"
MOST_PER_PATCH = 320
FEWEST_PATCHES = 100
"""Of which a fifth have a tower."""
FULL = 0.8
"""Pixels of a mean patch as a share of the most it may have: coasts fill theirs in part."""
TOWER_GAPS = 0.2
CLOUDS = 0.15
"""Share of the months of a patch in which clouds hide what satellites see of plants."""
MISSING = (30, 34)
"""Months without gravity."""
COASTS = 0.1
"""Share of the patches of which inversions and gravity see half."""


@dataclass(frozen=True)
class Figures:
    """Minutes and memory of training and of the paper, and how far its numbers are the truth's."""

    pixels: int
    patches: int
    runs: int
    training_minutes: float
    paper_minutes: float
    """On the clock; likewise of the processor, which a busy machine does not lengthen."""
    paper_cpu_minutes: float
    paper_gb: float
    exit_code: int
    items: list[str]
    truth: list[str]


def dataset(pixels: int, years: int, seed: int = 0) -> xr.Dataset:
    """Return a gridded twin of at least so many pixels, with towers, clouds, gaps and coasts."""
    patches = FEWEST_PATCHES
    per_patch = min(MOST_PER_PATCH, int(np.ceil(pixels / (FULL * patches))))
    while True:
        patches = max(patches, int(np.ceil(pixels / (FULL * per_patch))))
        design = twin.design(patches, per_patch, years, seed, True)
        n = design.skeleton().sizes["pixel"]
        if n >= pixels:
            break
        patches += 8
    ds = twin.make(patches, per_patch, years, seed)
    rng, patch = np.random.default_rng(seed), ds["patch"].values
    streams = {n: s for n, s in registry.streams().items() if n in ds}
    coasts = rng.choice(patches, max(1, int(COASTS * patches)), replace=False)
    hidden = rng.random((patches, ds.sizes["time"])) < CLOUDS
    half = np.isin(patch, coasts) & (np.arange(len(patch)) % 2 == 0)
    changed = {}
    for name, stream in streams.items():
        x = ds[name].transpose("pixel", "time").values.copy()
        if stream.tower:
            x[rng.random(x.shape) < TOWER_GAPS] = np.nan
        elif stream.level == "patch":
            x[half] = np.nan
            if stream.average == "anomaly":
                x[:, slice(*MISSING)] = np.nan
        elif stream.average == "step":
            x[hidden[patch]] = np.nan
        changed[name] = (("pixel", "time"), x, ds[name].attrs)
    return ds.assign(changed)


def measure(
    directory: Path, pixels: int, groups: Sequence[str], seeds: int, epochs: int, years: int
) -> Figures:
    """Make the planet, train, run the paper; what is there already is taken up again."""
    root = directory / "workspace"
    workspace = Workspace.at(root, str(root / "landlab.db"))
    if not (root / "landlab.db").exists():
        ds = dataset(pixels, years)
        with workspace.create() as catalog:
            record = register.dataset(workspace, catalog, ds)
            spec = GridSpec(
                name=GRID,
                dataset=record.name,
                factorial=tuple(groups),
                setups=(("CONTROL",),),
                seeds=seeds,
                base={
                    "warmup_months": 24,
                    "network": {"head_bias": "typical"},
                    "optimizer": {"epochs": epochs, "learning_rate": 2e-3},
                },
            )
            register.grid(workspace, catalog, spec)
    training, _, _, code = _timed("run", "--workers", "1", workspace=root)
    if code:
        raise LandlabError(
            f"training ended with exit code {code}; `landlab ls -w {root}` says which runs failed"
        )
    minutes, cpu, gigabytes, code = _timed(
        "reproduce", "paper", "--grid", GRID, "--out", str(directory / "paper"), workspace=root
    )
    with workspace.open() as catalog:
        runs = catalog.runs(f"grid = '{GRID}' and status = 'completed'")
        whole = Ensemble.select(workspace, catalog, grid=GRID)
        truth = _beside_truth(whole)
        size = whole.dataset()
    page = (directory / "paper" / f"paper-{GRID}-numbers.csv").read_text().splitlines()
    return Figures(
        pixels=size.sizes["pixel"],
        patches=int(size["patch"].max()) + 1,
        runs=len(runs),
        training_minutes=training,
        paper_minutes=minutes,
        paper_cpu_minutes=cpu,
        paper_gb=gigabytes,
        exit_code=code,
        items=page[1:],
        truth=truth,
    )


def _timed(*arguments: str, workspace: Path) -> tuple[float, float, float, int]:
    """Minutes, those of the processor, peak memory (GB) and exit code of a verb in a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "landlab_mgr.cli", *arguments, "-w", str(workspace)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    minutes, cpu = (time.perf_counter() - start) / 60, (usage.ru_utime + usage.ru_stime) / 60
    return minutes, cpu, usage.ru_maxrss * 1024 / 1e9, process.returncode


def _beside_truth(whole: Ensemble) -> list[str]:
    """Lines of analyses on what the twin knows; they were made for the page and are taken from the catalog."""

    def ask(name: str, filter: str = "", **options: str) -> analysis.Result:
        return analysis.run(
            whole.workspace, whole.catalog, name, filter or whole.filter, options=options, reuse=True
        )

    lines = []
    for statistic in ("r2", "R2"):
        notes = ask("partition", split="test", statistic=statistic).dataset.attrs["notes"].splitlines()
        lines += [f"partition, {statistic}: {n}" for n in notes if n.startswith("against the truth")]
    found = ask("identify").dataset
    lines += [f"identify: {n}" for n in found.attrs["notes"].splitlines() if "with the truth" in n]
    best = identify.largest(found)[0]
    r = found["r_truth"].sel(setup=best).values
    lines.append(f"parameters of {best}: median r with the true maps {np.nanmedian(r):.2f}")
    fluxes = {"variables": "nbe,gpp,reco,et"}
    table = budget.table(ask("budget", narrowed(whole), **fluxes).dataset).set_index(["variable", "region"])
    sink = table.loc[("nbe", "all")]
    lines.append(
        f"NBE where the inversion sees it, PgC yr-1: observed {sink['inversion']:.3f}, "
        f"modelled {sink['modelled there']:.3f} +- {sink['sd there']:.3f}"
    )
    return lines
