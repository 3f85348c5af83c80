"""Principal components of the ensemble-mean parameters: the axes along which ecosystems differ. JAX-free."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import style
from landlab_mgr.analysis.pattern import Analysis, Ensemble, Options
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import BY_NAME, DERIVED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    of the variance; `scores` [component, pixel] with `lat` and `lon`. LandlabError for several setups or datasets, an
    unknown parameter, or one that is the same everywhere.
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
    z = (mean - mean.mean(axis=1, keepdims=True)) / sd[:, None]
    kept = min(options.components, len(names))
    vectors, singular, _ = np.linalg.svd(z, full_matrices=False)
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(len(names))])
    return xr.Dataset(
        {
            "loadings": (("component", "parameter"), vectors.T[:kept]),
            "explained": ("component", (singular**2 / (singular**2).sum())[:kept]),
            "scores": (("component", "pixel"), (vectors.T @ z)[:kept]),
            "lat": where["lat"].drop_vars(list(where["lat"].coords)),
            "lon": where["lon"].drop_vars(list(where["lon"].coords)),
        },
        {"component": [f"PC{i + 1}" for i in range(kept)], "parameter": names},
        options.model_dump()
        | {"synthetic": int(ensemble.synthetic), "members": n, "setup": setup, "pixels": int(z.shape[1])},
    )


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each parameter with its loadings, after one with the variance that each component explains."""
    frame = pd.DataFrame(ds["loadings"].values.T, columns=list(ds["component"].values))
    frame.insert(0, "parameter", list(ds["parameter"].values))
    explained = pd.DataFrame([["variance explained", *ds["explained"].values]], columns=frame.columns)
    return pd.concat([explained, frame], ignore_index=True)


def figure(ds: xr.Dataset) -> "Figure":
    """For each component its loadings, and a map of its scores."""
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
        left.set_xlabel("loading")
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
