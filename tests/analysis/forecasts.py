"""A workspace whose members predict what is known: for analyses of monthly predictions beside observations."""

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.data import split
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage import artifacts

from . import sample

YEARS, WARMUP, SEEDS = 9, 12, 6
KEPT = ("lai", "nbe", "biomass", "som", "gpp_fluxnet", "reco_fluxnet", "et_fluxnet", "nee_site")
FULL, POSITION = ("PFT", "CLIM"), ("LATLON",)
NEVER, CONSTANT = "nee", "et"
"""A variable of which nothing is observed, and one whose observations are all the same."""


def dataset(planet):
    """Nine years of 12 pixels in 6 patches, two of which are the test set; towers at 9 pixels, with gaps."""
    months = np.tile(np.arange(planet.sizes["time"]), YEARS // 3)
    time = pd.date_range("2001-01-01", periods=12 * YEARS, freq="MS") + pd.Timedelta(days=14)
    ds = planet.isel(time=months).assign_coords(time=time)
    ds["time_days"] = ("time", 30.4375 * np.arange(len(time)) + 15, ds["time_days"].attrs)
    ds = ds.drop_vars([name for name in ds if str(name) in registry.streams() and str(name) not in KEPT])
    ds["test"] = ds["test"].copy(data=ds["patch"].values < 2)
    true, rng = truth(ds), np.random.default_rng(5)
    tower = np.arange(ds.sizes["pixel"]) % 4 != 3
    for stream in KEPT:
        values = true[registry.streams()[stream].variable].copy()
        if stream.endswith("_fluxnet"):
            values[~tower] = np.nan
        if stream == "nbe":  # of the patch, and for all its pixels or none
            gap = rng.random((6, len(time))) < 0.1
            values[gap[ds["patch"].values]] = np.nan
        elif stream not in ("som", "biomass"):
            values[rng.random(values.shape) < 0.2] = np.nan
        if registry.streams()[stream].variable == CONSTANT:
            values[np.isfinite(values)] = 1.0
        if registry.streams()[stream].variable == NEVER:
            values[:] = np.nan
        unit = {
            "units": registry.variables()[registry.streams()[stream].variable].unit,
            "long_name": stream,
            "role": "observation",
        }
        ds[stream] = (("pixel", "time"), values.astype(np.float32), unit)
    gaps = np.where(np.isnan(ds["gpp_fluxnet"].values) & tower[:, None], true["gpp"], np.nan)
    ds["gpp_fluxnet_withheld"] = ds["gpp_fluxnet"].copy(data=gaps.astype(np.float32))
    ds["gpp_fluxnet_withheld"].attrs["role"] = "withheld"
    return ds


def truth(ds):
    """Every variable, [pixel, time]: a mean, a season and a trend of each pixel's own, and noise."""
    rng, n = np.random.default_rng(4), ds.sizes["pixel"]
    t = np.arange(ds.sizes["time"])
    out = {}
    for variable in dict.fromkeys(registry.streams()[s].variable for s in KEPT):
        mean, season, trend = (
            5 + 2 * rng.normal(size=(n, 1)),
            2 * rng.random((n, 1)),
            0.3 * rng.normal(size=(n, 1)),
        )
        out[variable] = mean + season * np.sin(2 * np.pi * t / 12) + trend * t / 12
        out[variable] = out[variable] + 0.5 * rng.normal(size=out[variable].shape)
    patch = ds["patch"].values
    out["nbe"] = np.stack([out["nbe"][patch == p].mean(axis=0) for p in patch])
    out["biomass"] = np.repeat(out["biomass"][:, ::12], 12, axis=1)
    out["som"] = np.repeat(out["som"][:, :1], len(t), axis=1)
    return out


def predicted(ds, spec):
    """A member's prediction, [pixel, time] float32 by variable: the truth, a bias and noise; worse from position."""
    size = 2.0 if spec.predictors == POSITION else 1.0
    rng = np.random.default_rng([spec.seeds.init, len(spec.predictors)])
    return {
        name: (x + size * (0.5 * rng.normal() + rng.normal(size=x.shape))).astype(np.float32)
        for name, x in truth(ds).items()
    }


def labels(ds, spec):
    return split.assign(ds, spec.split, spec.seeds.split)


def monthly(ds, spec, by_patch=False):
    """The member's `monthly` file, as evaluations write it."""
    label, patch, x = labels(ds, spec), ds["patch"].values, predicted(ds, spec)
    dim, chosen = "pixel", np.arange(len(patch))
    if by_patch:
        dim, chosen = "patch", np.unique(patch, return_index=True)[1]
        x = {n: np.stack([v[patch == p].mean(axis=0) for p in range(patch.max() + 1)]) for n, v in x.items()}
    content = {name: ((dim, "time"), values) for name, values in x.items()}
    content["split"] = artifacts.flags(dim, label[chosen], ("train", "dev", "test"))
    return xr.Dataset(content, {"time": ds["time"]}, {"run_id": spec.run_id})


def make(root, ds, by_patch=False, seeds=SEEDS, setups=(FULL, POSITION)):
    asked = GridSpec(
        name="forecasts",
        dataset=ds.attrs["name"],
        setups=setups,
        seeds=seeds,
        base={"warmup_months": WARMUP, "optimizer": {"epochs": 3}},
    )
    return sample.make_with_files(root, ds, lambda spec: {"monthly": monthly(ds, spec, by_patch)}, asked)


def specs(catalog, filter=""):
    """Of the runs, in order of registration."""
    return list(catalog.specs(list(catalog.runs(filter)["run_id"])).values())


def observed(ds, stream, warmup=WARMUP):
    """[pixel, time], NaN in the warm-up."""
    values = ds[stream].values.astype(float)
    values[:, :warmup] = np.nan
    return values


def r2(model, seen):
    """Nash-Sutcliffe efficiency over all pairs."""
    there = np.isfinite(model) & np.isfinite(seen)
    m, o = model[there], seen[there]
    return 1 - ((m - o) ** 2).sum() / ((o - o.mean()) ** 2).sum()
