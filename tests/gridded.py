"""A small gridded twin with the gaps of real maps, too large for series of each pixel; four setups."""

import os
from contextlib import contextmanager

import numpy as np

from landlab_mgr.data import twin
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.training import evaluate
from landlab_mgr.workspace import register
from landlab_mgr.workspace.workspace import Workspace

from . import untrained

PATCHES, PIXELS, YEARS, SEEDS = 10, 20, 4, 3
WHOLE = 100
"""Pixels up to which a dataset keeps series of each: fewer than this one has."""
COAST = 3
"""A patch of which inversions and gravity see a part only."""
MISSING = slice(30, 34)
"""Months without gravity."""
FULL = ("PFT", "CLIM")


@contextmanager
def whole_pixels(number):
    """Set the limit of whole storage."""
    os.environ["LANDLAB_WHOLE_PIXELS"] = str(number)
    try:
        yield
    finally:
        del os.environ["LANDLAB_WHOLE_PIXELS"]


def dataset():
    """200 pixels in 10 patches, of which three are the test set; towers in six; gaps of every kind."""
    ds = twin.make(n_patches=PATCHES, pixels_per_patch=PIXELS, years=YEARS, seed=2)
    patch = ds["patch"].values
    ds["test"] = ds["test"].copy(data=np.isin(patch, (2, 5, 8)))
    towers = np.flatnonzero(np.diff(patch, prepend=-1))[:8] + 3
    true = {name: ds[name].values.copy() for name in ds if ds[name].attrs.get("role") == "observation"}
    rng = np.random.default_rng(1)
    months = np.arange(ds.sizes["time"])
    for name, series in (("gpp_fluxnet", 4.0), ("reco_fluxnet", 3.0), ("et_fluxnet", 1.5)):
        x = np.full_like(true[name], np.nan)
        season = series * (1 + 0.6 * np.sin(2 * np.pi * months / 12))
        x[towers] = season * rng.uniform(0.5, 1.5, (len(towers), 1)) + 0.2 * rng.normal(size=x[towers].shape)
        x[towers[6], 30:] = np.nan  # six months after the warm-up
        if name == "reco_fluxnet":
            x[towers[7]] = np.nan
        true[name] = x
    coast = np.flatnonzero(patch == COAST)
    for name in ("nbe", "ewt", "fire"):
        true[name][coast[:4]] = np.nan  # 16 of 20 pixels are left
        true[name][np.flatnonzero(patch == 0)[0]] = np.nan  # one of 20 is not observed
    true["ewt"][:, MISSING] = np.nan
    true["ewt"][np.flatnonzero(patch == 1)[:8], 40:] = np.nan  # 12 of 20 are left: too few
    ds = ds.assign({name: ds[name].copy(data=x) for name, x in true.items()})
    weight = ds["gpp_fluxnet"].copy(data=np.ones_like(true["gpp_fluxnet"]))  # of pixels without a tower, too
    return ds.assign(gpp_fluxnet_weight=weight.assign_attrs(role="weight", units="1"))


def grid(name):
    return GridSpec(
        name="gridded",
        dataset=name,
        factorial=FULL,
        setups=(("CONTROL",),),
        seeds=SEEDS,
        base={
            "warmup_months": 24,
            "split": {"dev_fraction": 0.3},
            "network": {"head_bias": "typical"},
            "optimizer": {"epochs": 1},
        },
    )


def make(root):
    """The workspace; its members are as training begins, evaluated as trained ones are."""
    workspace = Workspace.at(root, str(root / "landlab.db"))
    ds = dataset()
    with workspace.create() as catalog, whole_pixels(WHOLE):
        register.grid(workspace, catalog, grid(register.dataset(workspace, catalog, ds).name))
        while (claim := catalog.claim("host", 1, directory_of=workspace.directory)) is not None:
            directory = workspace.path(claim.directory)
            directory.mkdir(parents=True)
            member, state, saved = untrained.member(ds, claim.spec, directory)
            scores, files = evaluate.evaluate(claim.spec, ds, member, state.params, directory)
            catalog.finish(claim.token, scores, [workspace.catalogued(f) for f in (saved, *files)])
