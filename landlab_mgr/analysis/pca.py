"""Principal components of the ensemble-mean parameters: the axes along which ecosystems differ. JAX-free.

On a twin planet the components of the true parameters, the planted axes, stand beside those of the members.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, truth
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import BY_NAME, DERIVED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = npt.NDArray[np.floating]

KNOWN = (*BY_NAME, *(d.name for d in DERIVED))
PAPER = (
    *("canopy_efficiency", "uwue", "q10", "f_auto", "lcma", "labile_release_period", "leaf_fall_period"),
    *("leaf_lifespan", "allocation_labile", "allocation_foliar", "allocation_wood", "allocation_root"),
)
"""The parameters of Fang et al.'s analysis (science.md, section 9)."""


class PcaOptions(Options):
    """Which parameters, and how many components are kept."""

    parameters: str = Field(",".join(PAPER), description="parameters, derived ones too, with commas between")
    components: int = Field(3, ge=1, le=40, description="components that are kept")


def compute(ensemble: Ensemble, options: PcaOptions) -> xr.Dataset:
    """Components of the parameters' means over the members, standardised over the pixels.

    `loadings` [component, parameter], unit vectors whose largest entry is positive; `explained` [component], fractions
    of the variance; `scores` [component, pixel] with `lat` and `lon`. On a twin planet also `true_loadings` [axis,
    parameter] and `true_explained` [axis] of the true parameters, `r_truth` [component, axis], of the scores over the
    pixels that all members hold out for their test, and `found` [axis], the length of a true axis within the span of
    the components (1: it lies there).

    LandlabError for several setups or datasets, an unknown parameter, or one that is the same everywhere.
    """
    names = [n.strip() for n in options.parameters.split(",") if n.strip()]
    unknown = [n for n in names if n not in KNOWN]
    if unknown or len(set(names)) < max(2, len(names)):
        what = f"no parameter {unknown[0]!r}" if unknown else "give two parameters or more, each once"
        raise LandlabError(f"option parameters: {what}; known: {', '.join(KNOWN)}")
    setup = ensemble.one_setup()
    total, n, where = None, 0, xr.Dataset()
    for file in ensemble.files("parameters"):
        x = np.stack([file[name].values for name in names]).astype(float)
        total, n, where = x if total is None else total + x, n + 1, file
    assert total is not None
    mean = total / n
    sd = mean.std(axis=1)
    same = [name for name, s, m in zip(names, sd, mean, strict=True) if not s > 1e-9 * np.abs(m).max()]
    if same:
        raise LandlabError(f"{', '.join(same)} is the same at every pixel; leave it out of option parameters")
    kept = min(options.components, len(names))
    loadings, explained, scores = (x[:kept] for x in _components(mean))
    ds = xr.Dataset(
        {
            "loadings": (("component", "parameter"), loadings),
            "explained": ("component", explained),
            "scores": (("component", "pixel"), scores),
            "lat": where["lat"].drop_vars(list(where["lat"].coords)),
            "lon": where["lon"].drop_vars(list(where["lon"].coords)),
        },
        {"component": [f"PC{i + 1}" for i in range(kept)], "parameter": names},
        options.model_dump()
        | {"synthetic": int(ensemble.synthetic), "members": n, "setup": setup, "pixels": int(mean.shape[1])},
    )
    if not ensemble.synthetic:
        return ds
    data = ensemble.dataset()
    return _beside_truth(ds, data, members.unseen(ensemble, data))


def _components(x: Values) -> tuple[Values, Values, Values]:
    """Of parameters [parameter, pixel]: loadings [component, parameter], variance fractions, scores."""
    z = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    vectors, singular, _ = np.linalg.svd(z, full_matrices=False)
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return vectors.T, singular**2 / (singular**2).sum(), vectors.T @ z


def _beside_truth(ds: xr.Dataset, data: xr.Dataset, unseen: npt.NDArray[np.bool_]) -> xr.Dataset:
    """With the components of the true parameters, where the dataset has these parameters of these pixels.

    And each of them varies: what is the same everywhere has no components.
    """
    true = truth.parameters(data, ds["parameter"].values)
    if len(true) < ds.sizes["parameter"] or data.sizes["pixel"] != ds.sizes["pixel"]:
        return ds
    if not all(x.std() > 1e-9 * np.abs(x).max() for x in true.values()):
        return ds
    loadings, explained, scores = (
        x[: ds.sizes["component"]] for x in _components(np.stack(list(true.values())))
    )
    axes = [f"true {c}" for c in ds["component"].values]
    r = [[truth.correlation(a[unseen], b[unseen]) for b in scores] for a in ds["scores"].values]
    found = np.linalg.norm(loadings @ ds["loadings"].values.T, axis=1)
    ds = ds.assign(
        true_loadings=(("axis", "parameter"), loadings),
        true_explained=("axis", explained),
        r_truth=(("component", "axis"), np.array(r)),
        found=("axis", found),
    ).assign_coords(axis=axes)
    span = f"{ds['component'].values[0]} to {ds['component'].values[-1]}"
    notes = [
        f"{axis} explains {e:.0%} of the true parameters' variance; {length:.2f} of its length lies in {span}"
        for axis, e, length in zip(axes, explained, found, strict=True)
    ]
    return ds.assign_attrs(notes="\n".join(notes))


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each parameter with its loadings, after one with the variance that each component explains.

    On a twin planet also a row for each true axis: the correlation of its scores with each component's.
    """
    frame = pd.DataFrame(ds["loadings"].values.T, columns=list(ds["component"].values))
    frame.insert(0, "parameter", list(ds["parameter"].values))
    explained = pd.DataFrame([["variance explained", *ds["explained"].values]], columns=frame.columns)
    above = [explained]
    if "r_truth" in ds:
        rows = [[f"r with {a}", *ds["r_truth"].sel(axis=a).values] for a in ds["axis"].values]
        above.append(pd.DataFrame(rows, columns=frame.columns))
    return pd.concat([*above, frame], ignore_index=True)


def figure(ds: xr.Dataset) -> "Figure":
    """For each component its loadings, on a twin planet beside those of the true axis most like it, and a map."""
    from matplotlib.figure import Figure

    n, names = ds.sizes["component"], list(ds["parameter"].values)
    fig = Figure(figsize=(11, 0.9 + 3.0 * n), layout="constrained")
    axes = fig.subplots(n, 2, squeeze=False, width_ratios=[1, 2])
    bound = float(np.quantile(np.abs(ds["scores"].values), 0.98))
    for (left, right), component in zip(axes, ds["component"].values, strict=True):
        one = ds.sel(component=component)
        x = one["loadings"].values
        left.barh(names, x, color=np.where(x > 0, style.PALETTE[0], style.PALETTE[1]))
        left.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=8)
        left.set_xlim(-1, 1)
        left.invert_yaxis()
        left.axvline(0, color="0.4", linewidth=0.8)
        left.set_xlabel("loading" + _mark_truth(left, one))
        style.quiet(left)
        left.set_title(f"{component}: {float(one['explained']):.0%} of the variance", loc="left", fontsize=10)
        points = style.draw_map(right, ds["lat"].values, ds["lon"].values, one["scores"].values, bound)
        fig.colorbar(points, ax=right, shrink=0.85, label="score (standard deviations)")
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    title = (
        f"Components of the parameters: {ds.attrs['setup']}, mean of {ds.attrs['members']} runs{synthetic}"
    )
    fig.suptitle(
        f"{title}\n{ds.attrs['filter'] or 'every completed run'}   {ds.attrs['analysis']}",
        x=0.01,
        ha="left",
        fontsize=10,
    )
    return fig


def _mark_truth(ax: "Axes", one: xr.Dataset) -> str:
    """Ticks at the loadings of the true axis that one component's scores follow most closely, and what they are."""
    if "r_truth" not in one or not np.isfinite(one["r_truth"]).any():
        return ""
    axis = one["axis"].values[int(np.nanargmax(np.abs(one["r_truth"].values)))]
    r = float(one["r_truth"].sel(axis=axis))
    x = np.sign(r) * one["true_loadings"].sel(axis=axis).values
    ax.scatter(x, range(len(x)), s=90, marker="|", color="black", linewidth=1.6, zorder=3)
    return f"   (ticks: {axis}, |r| {abs(r):.2f})"


ANALYSIS = Analysis(
    name="pca",
    summary="the axes along which the parameters of one setup's ensemble mean differ",
    options=PcaOptions,
    splits=lambda options: (),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("parameters",),
)
