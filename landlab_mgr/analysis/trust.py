"""Trust: are observations where one setup's members say, and are places like those they learned from? JAX-free.

Members predict without observation error: what they miss because a sensor errs counts against them, unless the
dataset says how much that is (option noise).
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.trust import figure
from landlab_mgr.data import schema, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.spec.run import RunSpec

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

INTERVALS = (0.5, 0.9)
BINS = 10
FEWEST_IN_BIN = 20
NOISE_STREAM = 0x71
"""Second word of the seeds of the observation errors that are drawn."""


class TrustOptions(Options):
    """Options: whose predictions are judged, and whether with observation error."""

    split: Literal["train", "dev", "test", "withheld"] = Field("dev", description="pixels or months judged")
    variables: str = Field("", description="variables, with commas between; empty for all")
    noise: Literal["none", "weights"] = Field(
        "none",
        description="weights: the dataset's observation weights are inverse error variances, and errors of that size "
        "are added to the members",
    )


def check(ds: xr.Dataset, options: TrustOptions) -> None:
    """LandlabError for several setups, or one member."""
    setup = runs.one_setup(ds)
    if ds.sizes["run"] < 2:
        raise LandlabError(f"one run of {setup}; a spread needs 2 or more: run more seeds")


def compute(ds: xr.Dataset, options: TrustOptions) -> xr.Dataset:
    """Compute how the members' spread answers for their error.

    Also where predictors leave what they learned from.

    `coverage` and `expected` [variable, interval]: shares of observations inside the central interval, found and as
    they would be of members that are right; `rmse`, `spread`, `crps`, `mae` [variable] in the variable's unit: of the
    mean prediction, root mean square sd (times (m + 1) / m, Fortin et al. 2014, doi:10.1175/JHM-D-14-0008.1), fair
    CRPS, and mean absolute error of the mean; `bin_spread`, `bin_rmse` [variable, bin] of predictions by their spread;
    `ranks` [variable, bin]; `pairs`, `fewest`, `most` [variable]: observations, and members at each. `outside` [pixel]:
    share of members for which some predictor is outside the range of their training pixels; `outside_by` [predictor]:
    share of the judged pixels. LandlabError for several setups or datasets, one member, or where nothing is observed
    at places that two members are judged at.
    """
    check(ds, options)
    setup, n = runs.one_setup(ds), ds.sizes["run"]
    stacks = members.stacks(ds, options.split, members.names_in(options.variables))
    noisy = _noise(ds, stacks, options)
    by_variable: dict[str, dict[str, Any]] = {}
    empty = []
    for stack in stacks:
        judged = _judged(stack, options.split, noisy.get(stack.target.name))
        if judged is None:
            empty.append(stack.target.name)
        else:
            by_variable[stack.target.name] = {"units": stack.target.unit, **judged}
    if not by_variable:
        raise LandlabError(
            f"{options.split}: nothing is observed where two of {n} runs of {setup} are judged; more seeds share more "
            "dev pixels, and -o split=test takes all runs at every test pixel (which is counted)"
        )
    dims = {"coverage": ("interval",), "expected": ("interval",)}
    dims |= dict.fromkeys(("bin_spread", "bin_rmse", "ranks"), ("bin",))
    result = xr.Dataset(
        {
            name: (("variable", *dims.get(name, ())), np.array([v[name] for v in by_variable.values()]))
            for name in next(iter(by_variable.values()))
        },
        {"variable": list(by_variable), "interval": list(INTERVALS), "bin": np.arange(1, BINS + 1)},
    )
    result = result.merge(_outside(ds, options.split), combine_attrs="drop")
    attrs = options.model_dump() | {"synthetic": ds.attrs["synthetic"], "setup": setup, "members": n}
    notes = _notes(result, options, n, empty, list(noisy)) + members.resolution_note(
        [s.target for s in stacks]
    )
    return result.assign_attrs(attrs | {"notes": "\n".join(notes)})


def _judged(stack: members.Stack, part: str, noise: Values | None) -> dict[str, Any] | None:
    """Everything of one variable, from its observations at places that two members or more are judged at."""
    scored, observed = stack.scored(part), stack.target.observed
    seen = np.isfinite(observed) & (scored.sum(axis=0) >= 2)
    if not seen.any():
        return None
    x = stack.modelled.astype(float)
    if noise is not None:
        x = x + noise
    x = np.where(scored[:, None, :], x, np.nan)[:, seen]
    y = observed[seen]
    m = np.isfinite(x).sum(axis=0)
    mean = np.nansum(x, axis=0) / m
    variance = np.nansum((x - mean) ** 2, axis=0) / (m - 1) * (m + 1) / m
    square = (mean - y) ** 2
    coverage, expected = [], []
    for level in INTERVALS:
        held, likely = metrics.coverage(x, y, level)
        coverage.append(float(held.mean()))
        expected.append(float(likely.mean()))
    bins = np.array_split(np.argsort(variance, kind="stable"), _bins(len(y)))
    by_spread = np.full((2, BINS), np.nan)
    for i, chosen in enumerate(bins):
        by_spread[:, i] = np.sqrt([variance[chosen].mean(), square[chosen].mean()])
    return {
        "coverage": coverage,
        "expected": expected,
        "rmse": float(np.sqrt(square.mean())),
        "spread": float(np.sqrt(variance.mean())),
        "crps": float(metrics.crps(x, y).mean()),
        "mae": float(np.abs(mean - y).mean()),
        "bin_spread": by_spread[0],
        "bin_rmse": by_spread[1],
        "ranks": metrics.rank_histogram(x, y, BINS),
        "pairs": len(y),
        "fewest": int(m.min()),
        "most": int(m.max()),
    }


def _bins(n: int) -> int:
    return int(np.clip(n // FEWEST_IN_BIN, 1, BINS))


def _noise(data: xr.Dataset, stacks: list[members.Stack], options: TrustOptions) -> Mapping[str, Values]:
    """Errors that are added to the members, [M, T, N] by variable: to what is observed by pixel and month."""
    if options.noise == "none":
        return {}
    errors = {}
    for i, stack in enumerate(stacks):
        t, name = stack.target, schema.stream_variable(stack.target.stream.name, "weight")
        if name in data and t.level == "pixel" and t.average == "step":
            weight = data[name].transpose("time", "pixel").values.astype(float)
            sd = np.sqrt(1 / np.where(weight > 0, weight, np.nan))
            draws = np.random.default_rng([i, NOISE_STREAM]).normal(size=stack.modelled.shape)
            errors[t.name] = np.nan_to_num(draws * sd)
    if not errors:
        raise LandlabError(
            f"option noise: dataset {data.attrs['name']} has no weights of what is observed by pixel and month; "
            "leave it out"
        )
    return errors


def _outside(data: xr.Dataset, part: str) -> xr.Dataset:
    """Share of members for which predictors are outside the range, or the classes, of their training pixels."""
    specs = runs.specs(data)
    names = predictors_of(data, specs[0])
    values = {name: data[name].values.astype(float) for name in names}
    geometry = {n: data[n].values for n in (*schema.GEOMETRY, *schema.OPTIONAL_GEOMETRY) if n in data}
    total = np.zeros(data.sizes["pixel"])
    counts, judged = np.zeros(len(names)), 0
    anywhere = 0
    for spec in specs:
        label = split.assign(geometry, spec.split, spec.seeds.split)
        scored = members.scored(label, part)
        out = np.zeros((len(names), len(label)), bool)
        for i, (name, x) in enumerate(values.items()):
            out[i] = strange(x, x[label == split.TRAIN], data[name].attrs.get("kind") == "class")
        total += out.any(axis=0)
        counts += (out & scored).sum(axis=1)
        anywhere += int((out.any(axis=0) & scored).sum())
        judged += int(scored.sum())
    return xr.Dataset(
        {
            "outside": ("pixel", total / len(specs)),
            "outside_by": ("predictor", counts / max(judged, 1)),
            "outside_any": ((), anywhere / max(judged, 1)),
            "lat": ("pixel", data["lat"].values),
            "lon": ("pixel", data["lon"].values),
        },
        {"predictor": np.array(names, object)},
    )


def predictors_of(data: xr.Dataset, spec: RunSpec) -> list[str]:
    """Return the dataset's variables that a setup predicts from; none for white noise."""
    names = [n for n in schema.names(data, "predictor") if data[n].attrs["group"] in spec.predictors]
    return names + (["lat", "lon"] if "LATLON" in spec.predictors else [])


def strange(x: Values, trained: Values, is_class: bool) -> Mask:
    """Values that are outside the range of those trained on, or classes that are not among them; not missing ones."""
    trained = trained[np.isfinite(trained)]
    if is_class:
        return np.isfinite(x) & ~np.isin(x, trained)
    if not trained.size:
        return np.isfinite(x)
    return (x < trained.min()) | (x > trained.max())


def _notes(ds: xr.Dataset, options: TrustOptions, n: int, empty: list[str], noisy: list[str]) -> list[str]:
    low, high = int(ds["fewest"].min()), int(ds["most"].max())
    judged = {
        "test": f"test pixels, by all {n} runs, which is counted",
        "dev": f"each pixel by the {low} to {high} runs that have it in dev; -o split=test takes all (and is counted)",
        "train": f"each pixel by the {low} to {high} runs that learned from it: of unseen ones this says nothing",
        "withheld": f"unseen months, each pixel by the {low} to {high} runs that trained on it",
    }
    notes = [f"{options.split}: {judged[options.split]}"]
    if low < 19:
        reach = (low - 1) / (low + 1)
        notes.append(
            f"expected: of {low} members that are right, their whole range holds {reach:.0%}, no more"
        )
    if options.noise == "none":
        notes.append(
            "members predict without observation error: sensors' errors widen the misses, not the intervals"
        )
    else:
        notes.append(f"observation error added by the dataset's weights: {', '.join(noisy)}; to others none")
    if empty:
        notes.append(f"not observed where two runs are judged: {', '.join(empty)}")
    share = float(ds["outside_any"])
    by = sorted(zip(ds["outside_by"].values, ds["predictor"].values, strict=True), reverse=True)
    which = ", ".join(f"{name} {x:.0%}" for x, name in by[:4] if x > 0)
    if ds.sizes["predictor"]:
        which = f": {which}" if which else ""
        notes.append(f"{share:.0%} of the judged pixels are outside the training range of a predictor{which}")
    else:
        notes.append("the setup has no predictors that could leave their training range")
    return notes


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each variable.

    Coverage beside what is expected, error beside spread, CRPS, and units.
    """
    rows = []
    for name in ds["variable"].values:
        one = ds.sel(variable=name)
        row: dict[str, Any] = {"variable": name, "n": int(one["pairs"])}
        for level in ds["interval"].values:
            at = one.sel(interval=level)
            row |= {f"in {level:.0%}": float(at["coverage"]), f"expected {level:.0%}": float(at["expected"])}
        rmse, spread = float(one["rmse"]), float(one["spread"])
        row |= {"RMSE": rmse, "spread": spread, "RMSE/spread": rmse / spread if spread > 0 else np.nan}
        rows.append(
            row | {"CRPS": float(one["crps"]), "MAE of mean": float(one["mae"]), "units": one["units"].item()}
        )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="trust",
    summary="whether one setup's spread answers for its error, and where predictors leave the training range",
    options=TrustOptions,
    needs=lambda options: Needs((options.split,), files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
