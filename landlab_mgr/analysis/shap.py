"""SHAP: which predictors each parameter owes its pattern to. JAX-free; `compute` needs JAX, and imports it.

Two styles (science.md, section 9). `paper`: members are explained one by one, each parameter in units of its range over
the explained pixels of that member, and pooled. `physical`: one function, the members' mean, in the parameter's units.
A predictor's share is the sum of its absolute values over that of all, and a group's the sum of its predictors'.
Another number is the share of the group's net effect, whose values are added up before their size is taken: predictors
that say the same in opposite ways do not count in it.

Kernel SHAP and integrated gradients are two answers: shares of predictors differ between them by 11 to 18 %.
"""

import sys
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import of_models, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.shap import figure
from landlab_mgr.data import schema, split
from landlab_mgr.data.predictors import class_words
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.tables import Tables
from landlab_mgr.storage.location import located

Values = npt.NDArray[np.floating]

PAPER_MEMBERS = 5
PURE = 0.8
"""Share of a pixel that one plant type covers, from which on the pixel counts as of it."""
DEGREE, RIDGE = 4, 0.5
"""Of the polynomial through the values of a predictor, and its penalty."""
POINTS = 41
FEWEST = 10
"""Pixels that an explanation needs."""


class ShapOptions(Options):
    """Options: what is explained, and how."""

    style: Literal["paper", "physical"] = Field(
        "paper",
        description="paper: members one by one, normalised and pooled; physical: their mean, in units",
    )
    method: Literal["kernel", "gradients"] = Field(
        "kernel",
        description="kernel SHAP, as in the paper; or integrated gradients, which are another number",
    )
    parameters: str = Field(
        "", description="parameters, derived ones too, commas between; default: what the model notes"
    )
    pft: str = Field("", description="only pixels of this plant type: a class, or a fraction of 80 % or more")
    members: int = Field(
        0,
        ge=0,
        description="so many of the runs, those of the lowest training loss; 0: five in style paper, else all",
    )
    background: int = Field(100, ge=2, description="pixels whose values absent predictors take")
    pixels: int = Field(1000, ge=FEWEST, description="pixels explained")
    seed: int = Field(0, ge=0, lt=2**31, description="of the choice of pixels and coalitions")

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the parameters that the model notes, where none are named."""
        chosen = self.parameters or ",".join(of_models.explained(of_models.process_model(models)))
        return self.model_copy(update={"parameters": chosen})


def check(ds: xr.Dataset, options: ShapOptions) -> None:
    """LandlabError for an unknown parameter, several setups, or more members than there are."""
    _parameters(options.filled(of_models.models_in(ds)), ds)
    runs.one_setup(ds)
    _count(ds, options)


def compute(ds: xr.Dataset, options: ShapOptions) -> xr.Dataset:
    """`shap` [run, parameter, pixel, predictor], `share` [parameter, predictor], `curve` [parameter, predictor, point].

    With `expected` [run, parameter] and `prediction` [run, parameter, pixel], which they add up to. LandlabError for
    several setups or datasets, an unknown parameter or plant type, too few pixels, or a setup without predictors.
    """
    from landlab_mgr.prediction import explain  # JAX

    # only some parameters depend on the latitude: to sample coalitions of it for others would be noise
    options = options.filled(of_models.models_in(ds))
    tables = of_models.process_model(of_models.models_in(ds))
    at_latitude = of_models.latitude_parameters(tables)
    by_head = [[n for n in _parameters(options, ds) if (n in at_latitude) == own] for own in (False, True)]
    parted = [part for part in by_head if part]
    names = [n for part in parted for n in part]
    setup = runs.one_setup(ds)
    data = ds[[n for n, x in ds.data_vars.items() if x.dims == ("pixel",)]].assign_attrs(ds.attrs)
    chosen = ds.isel(run=_best(ds, _count(ds, options)))
    members = [explain.Trained.open(located(str(path))) for path in chosen["checkpoint"].values]
    eligible = _eligible(chosen, options)
    rng = np.random.default_rng(options.seed)
    pixels = np.sort(rng.choice(eligible, min(options.pixels, len(eligible)), replace=False))
    background = np.sort(rng.choice(eligible, min(options.background, len(eligible)), replace=False))
    explained = []
    for k, some in enumerate([[m] for m in members] if options.style == "paper" else [members]):
        parts, features = [], list[str]()
        for part in parted:
            function, columns = explain.of_members(some, data, part)
            absent, rows = columns[background], columns[pixels]
            if options.method == "kernel":
                silent = not sys.stderr.isatty()
                values, expected = explain.kernel_shap(function, absent, rows, options.seed + k, silent)
            else:
                values, expected = explain.integrated_gradients(function, absent, rows)
            parts.append((values, expected, function(rows)))
            features = list(function.features)
        explained.append(_joined(parts))
    values, expected, predicted = (np.stack(x) for x in zip(*explained, strict=True))
    result = _result(data, tables, names, features, pixels, background, values, expected, predicted, options)
    result = result.assign_coords(
        run=list(chosen["run"].values) if options.style == "paper" else [f"mean of {len(members)}"]
    )
    attrs = options.model_dump() | {
        "synthetic": ds.attrs["synthetic"],
        "setup": setup,
        "members_used": len(members),
        "eligible": len(eligible),
        "n_pixels": len(pixels),
        "n_background": len(background),
    }
    return result.assign_attrs(attrs, notes="\n".join(_notes(result, attrs, ds.sizes["run"])))


def _joined(parts: Sequence[tuple[Values, Values, Values]]) -> tuple[Values, Values, Values]:
    """Values [pixel, parameter, predictor], expected and predicted of all parts; NaN for a predictor that one lacks."""
    width = max(values.shape[2] for values, _, _ in parts)
    wide = [np.pad(v, ((0, 0), (0, 0), (0, width - v.shape[2])), constant_values=np.nan) for v, _, _ in parts]
    _, expected, predicted = zip(*parts, strict=True)
    return np.concatenate(wide, axis=1), np.concatenate(expected), np.concatenate(predicted, axis=1)


def _eligible(ds: xr.Dataset, options: ShapOptions) -> npt.NDArray[np.integer]:
    """Pixels that no member holds out for its test, of the plant type that is asked for."""
    eligible = _of_type(ds, options.pft)
    for spec in runs.specs(ds):
        eligible &= np.isin(split.assign(ds, spec.split, spec.seeds.split), (split.TRAIN, split.DEV))
    if eligible.sum() < FEWEST:
        of = f" of type {options.pft}" if options.pft else ""
        raise LandlabError(
            f"{eligible.sum()} pixels{of} that no member holds out for its test; an explanation needs {FEWEST}"
        )
    return np.flatnonzero(eligible)


def _parameters(options: ShapOptions, ds: xr.Dataset) -> list[str]:
    known = of_models.units(of_models.process_model(of_models.models_in(ds)))
    wanted = [n.strip() for n in options.parameters.split(",") if n.strip()]
    unknown = [n for n in wanted if n not in known]
    if unknown or len(set(wanted)) < max(1, len(wanted)):
        what = f"no parameter {unknown[0]!r}" if unknown else "give one parameter or more, each once"
        raise LandlabError(f"option parameters: {what}; known: {', '.join(known)}")
    return wanted


def _count(ds: xr.Dataset, options: ShapOptions) -> int:
    """Return the number of runs that are explained."""
    runs_loaded = ds.sizes["run"]
    if options.members > runs_loaded:
        raise LandlabError(
            f"{options.members} members asked for, the filter finds {runs_loaded}: run more seeds, or ask for fewer"
        )
    return options.members or (PAPER_MEMBERS if options.style == "paper" else runs_loaded)


def _best(ds: xr.Dataset, count: int) -> list[int]:
    """Return the runs of the lowest training loss, in their order.

    They are the first ones where losses are not known.
    """
    if "train_loss" not in ds.coords:
        return list(range(count))
    order = np.argsort(ds["train_loss"].values, kind="stable")  # NaN comes last
    return sorted(int(i) for i in order[:count])


def _of_type(ds: xr.Dataset, name: str) -> npt.NDArray[np.bool_]:
    """Return which pixels a plant type covers, by fractions or by classes of group PFT; all without one."""
    if not name:
        return np.ones(ds.sizes["pixel"], bool)
    covered: dict[str, npt.NDArray[np.bool_]] = {}
    for n in schema.names(ds, "predictor"):
        if ds[n].attrs["group"] != "PFT":
            continue
        values = ds[n].values.astype(float)
        if ds[n].attrs["kind"] == "class":
            words = class_words(ds, n) or {
                code: f"{n}={code:g}" for code in np.unique(values[~np.isnan(values)])
            }
            covered |= {word: values == code for code, word in words.items()}
        else:
            covered[n] = np.nan_to_num(values / (100 if ds[n].attrs["units"] == "%" else 1)) >= PURE
    if name not in covered:
        names = ", ".join(covered) or "it has none"
        raise LandlabError(f"option pft: the dataset has no plant type {name!r}; there are: {names}")
    return covered[name]


def _result(
    ds: xr.Dataset,
    tables: Tables,
    names: list[str],
    features: list[str],
    pixels: npt.NDArray[np.integer],
    background: npt.NDArray[np.integer],
    values: Values,
    expected: Values,
    predicted: Values,
    options: ShapOptions,
) -> xr.Dataset:
    """Make the dataset of these pixels.

    Of values [run, pixel, parameter, predictor], expected [run, parameter], predicted [run, pixel, parameter].
    """
    low, high = predicted.min(axis=1), predicted.max(axis=1)  # [run, parameter]
    spread = high - low
    varies = spread > 1e-6 * np.abs(high)
    if options.style == "paper":
        unit = np.where(varies, spread, np.nan)
        values = values / unit[:, None, :, None]
        expected, predicted = (expected - low) / unit, (predicted - low[:, None]) / unit[:, None]
    else:
        values = np.where(varies[:, None, :, None], values, np.nan)
    columns = [_raw(ds, feature) for feature in features]
    raw = np.stack([x[pixels] for x in columns], axis=1)
    absent = np.stack([x[background] for x in columns], axis=1)
    constant = np.array([_same(np.concatenate(pair)) for pair in zip(raw.T, absent.T, strict=True)])
    values = np.where(constant, np.nan, values)
    total = np.nansum(np.abs(values), axis=(0, 1))
    share = np.where(np.isnan(values).all(axis=(0, 1)), np.nan, _normalised(total))
    groups = [_group(ds, feature) for feature in features]
    by_group = list(dict.fromkeys(groups))
    of_group = [values[..., [g == one for g in groups]] for one in by_group]
    each = np.stack([np.nansum(np.abs(x), axis=(0, 1, 3)) for x in of_group], axis=-1)
    net = np.stack([np.abs(np.nansum(x, axis=-1)).sum(axis=(0, 1)) for x in of_group], axis=-1)
    unseen = np.stack([np.isnan(x).all(axis=(0, 1, 3)) for x in of_group], axis=-1)
    at, curve = _curves(raw, values, [_is_class(ds, feature) for feature in features])
    units = [of_models.units(tables)[n] for n in names]
    return xr.Dataset(
        {
            "shap": (("run", "parameter", "pixel", "predictor"), np.swapaxes(values, 1, 2)),
            "expected": (("run", "parameter"), expected),
            "prediction": (("run", "parameter", "pixel"), np.swapaxes(predicted, 1, 2)),
            "share": (("parameter", "predictor"), share),
            "share_of_group": (("parameter", "group"), np.where(unseen, np.nan, _normalised(each))),
            "share_of_net_effect": (("parameter", "group"), np.where(unseen, np.nan, _normalised(net))),
            "value": (("pixel", "predictor"), raw),
            "curve": (("parameter", "predictor", "point"), curve),
            "at": (("predictor", "point"), at),
            "group_of": ("predictor", np.array(groups)),
            "units_of": ("predictor", np.array([_units(ds, feature) for feature in features])),
            "unit": ("parameter", np.array(units)),
            "lat": ("pixel", ds["lat"].values[pixels]),
            "lon": ("pixel", ds["lon"].values[pixels]),
        },
        {"parameter": names, "predictor": features, "group": by_group},
    )


def _normalised(total: Values) -> Values:
    """Shares of the sum along the last axis; NaN where it is 0."""
    whole = total.sum(axis=-1, keepdims=True)
    return total / np.where(whole > 0, whole, np.nan)


def _raw(ds: xr.Dataset, feature: str) -> Values:
    """Return a feature's values [pixel]; NaN for white noise, which no dataset has."""
    name = "lat" if feature == "latitude" else feature
    return ds[name].values.astype(float) if name in ds else np.full(ds.sizes["pixel"], np.nan)


def _same(x: Values) -> bool:
    """Return whether nothing varies; what is missing at some pixels does."""
    finite = x[~np.isnan(x)]
    return len(finite) == len(x) and bool(np.ptp(finite) <= 1e-9 * np.abs(finite).max())


def _group(ds: xr.Dataset, feature: str) -> str:
    if feature in ("lat", "lon", "latitude"):
        return "LATLON"
    return str(ds[feature].attrs["group"]) if feature in ds else "CONTROL"


def _is_class(ds: xr.Dataset, feature: str) -> bool:
    return feature in ds and ds[feature].attrs.get("kind") == "class"


def _units(ds: xr.Dataset, feature: str) -> str:
    return (
        "degrees_north"
        if feature == "latitude"
        else str(ds[feature].attrs["units"])
        if feature in ds
        else "1"
    )


def _curves(raw: Values, values: Values, classes: Sequence[bool]) -> tuple[Values, Values]:
    """Ridge polynomials through the values of all runs, [parameter, predictor, point], and where: [predictor, point].

    In each predictor, scaled to 0..1 over the pixels. NaN for classes, and where there is too little to fit.
    """
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    runs, _, n_parameters, n_features = values.shape
    at = np.full((n_features, POINTS), np.nan)
    curve = np.full((n_parameters, n_features, POINTS), np.nan)
    for j in range(n_features):
        finite = ~np.isnan(raw[:, j])
        x = raw[finite, j]
        if classes[j] or len(x) <= DEGREE or _same(x):
            continue
        at[j] = np.linspace(x.min(), x.max(), POINTS)
        scaled = np.tile((x - x.min()) / np.ptp(x), runs)[:, None]
        for p in range(n_parameters):
            y = values[:, finite, p, j].ravel()
            if np.isnan(y).any():
                continue
            fit = make_pipeline(PolynomialFeatures(DEGREE, include_bias=False), Ridge(RIDGE)).fit(scaled, y)
            curve[p, j] = fit.predict(np.linspace(0, 1, POINTS)[:, None])
    return at, curve


def _notes(ds: xr.Dataset, attrs: dict[str, Any], runs_loaded: int) -> list[str]:
    error = _additivity(ds, attrs["style"])
    of_type = f" of type {attrs['pft']}" if attrs["pft"] else ""
    notes = [
        f"{attrs['n_pixels']} of {attrs['eligible']} pixels{of_type} that no member holds out for its test, "
        f"{attrs['n_background']} background pixels, {attrs['members_used']} of {runs_loaded} members"
        + (", those of the lowest training loss" if attrs["members_used"] < runs_loaded else ""),
        f"expected value + sum of the values = prediction, to {error:.1e} of a parameter's range"
        + ("" if attrs["method"] == "kernel" else ": the error of the quadrature"),
    ]
    if attrs["method"] == "gradients":
        notes.append("integrated gradients, not kernel SHAP: shares differ between them by 11 to 18 %")
    if attrs["style"] == "paper" and attrs["members_used"] < PAPER_MEMBERS:
        notes.append(f"the paper's figure is of {PAPER_MEMBERS} members")
    elif attrs["members_used"] == 1:
        notes.append("one member: what another seed would say is unknown")
    constant = [
        str(p) for p in ds["predictor"].values[ds["shap"].isnull().all(("run", "parameter", "pixel"))]
    ]
    if constant:
        notes.append(f"{', '.join(constant)}: the same at every pixel, so nothing can be said of it")
    flat = [str(p) for p in ds["parameter"].values[ds["share"].isnull().all("predictor")]]
    if flat:
        notes.append(f"{', '.join(flat)}: the same at every pixel, so there is nothing to explain")
    return notes


def _additivity(ds: xr.Dataset, how: str) -> float:
    """Largest error of the sum, relative to the range of the parameter."""
    error = ds["expected"] + ds["shap"].sum("predictor") - ds["prediction"]
    spread = 1.0 if how == "paper" else ds["prediction"].max("pixel") - ds["prediction"].min("pixel")
    relative = np.abs((error / spread).values)
    return float(relative[np.isfinite(relative)].max(initial=0.0))


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each parameter.

    The share of each group, and the three leading predictors with theirs.
    """
    rows = []
    for name in ds["parameter"].values:
        share = ds["share"].sel(parameter=name)
        order = [i for i in np.argsort(-np.nan_to_num(share.values)) if share.values[i] > 0][:3]
        leading = [f"{ds['predictor'].values[i]} {share.values[i]:.0%}" for i in order]
        by_group = ds["share_of_group"].sel(parameter=name)
        rows.append(
            {"parameter": name}
            | {str(g): float(by_group.sel(group=g)) for g in ds["group"].values}
            | {"leading predictors": ", ".join(leading) or "nothing to explain"}
        )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="shap",
    summary="which predictors each parameter of one setup owes its pattern to (SHAP values)",
    options=ShapOptions,
    needs=lambda options: Needs(checkpoints=True),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
