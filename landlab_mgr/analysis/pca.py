"""Principal components of the ensemble-mean parameters: the axes along which ecosystems differ. JAX-free.

On a twin planet the components of the true parameters, the planted axes, stand beside those of the members.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, of_models, runs, truth
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.pca import figure
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.tables import Tables

Values = npt.NDArray[np.floating]


class PcaOptions(Options):
    """Options: which parameters, and how many components are kept."""

    parameters: str = Field(
        "", description="parameters, derived ones too, with commas between; default: what the model notes"
    )
    components: int = Field(3, ge=1, le=40, description="components that are kept")

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the parameters that the model notes, where none are named."""
        chosen = self.parameters or ",".join(of_models.principal(of_models.process_model(models)))
        return self.model_copy(update={"parameters": chosen})


def check(ds: xr.Dataset, options: PcaOptions) -> None:
    """LandlabError for an unknown parameter, fewer than two, or several setups."""
    wanted = names_of(options.filled(of_models.models_in(ds)))
    known = of_models.units(of_models.process_model(of_models.models_in(ds)))
    unknown = [n for n in wanted if n not in known]
    if unknown or len(set(wanted)) < max(2, len(wanted)):
        what = f"no parameter {unknown[0]!r}" if unknown else "give two parameters or more, each once"
        raise LandlabError(f"option parameters: {what}; known: {', '.join(known)}")
    runs.one_setup(ds)


def needs(options: PcaOptions) -> Needs:
    """Ask for the parameters' maps; of a twin planet also the dataset.

    The dataset has the truth.
    """
    return Needs(files={"parameters": (*names_of(options), "lat", "lon")}, dataset="if synthetic")


def names_of(options: PcaOptions) -> list[str]:
    """Parameters that the components are of."""
    return [n.strip() for n in options.parameters.split(",") if n.strip()]


def compute(ds: xr.Dataset, options: PcaOptions) -> xr.Dataset:
    """Components of the parameters' means over the members, standardised over the pixels.

    `loadings` [component, parameter], unit vectors whose largest entry is positive; `explained` [component], fractions
    of the variance; `scores` [component, pixel] with `lat` and `lon`. On a twin planet also `true_loadings` [axis,
    parameter] and `true_explained` [axis] of the true parameters, `r_truth` [component, axis], of the scores over the
    pixels that all members hold out for their test, and `found` [axis], the length of a true axis within the span of
    the components (1: it lies there).

    LandlabError for several setups or datasets, an unknown parameter, or one that is the same everywhere.
    """
    check(ds, options)
    options = options.filled(of_models.models_in(ds))
    names, setup = names_of(options), runs.one_setup(ds)
    total, n, where = None, 0, xr.Dataset()
    for file in runs.files(ds, "parameters"):
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
    result = xr.Dataset(
        {
            "loadings": (("component", "parameter"), loadings),
            "explained": ("component", explained),
            "scores": (("component", "pixel"), scores),
            "lat": where["lat"].drop_vars(list(where["lat"].coords)),
            "lon": where["lon"].drop_vars(list(where["lon"].coords)),
        },
        {"component": [f"PC{i + 1}" for i in range(kept)], "parameter": names},
        options.model_dump()
        | {"synthetic": ds.attrs["synthetic"], "members": n, "setup": setup, "pixels": int(mean.shape[1])},
    )
    return _beside_truth(result, ds, members.unseen(ds)) if ds.attrs["synthetic"] else result


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
    true = truth.parameters(data, ds["parameter"].values, of_models.process_model(of_models.models_in(data)))
    if len(true) < ds.sizes["parameter"] or data.sizes["pixel"] != ds.sizes["pixel"]:
        return ds
    if not all(x.std() > 1e-9 * np.abs(x).max() for x in true.values()):
        return ds
    loadings, explained, scores = (
        x[: ds.sizes["component"]] for x in _components(np.stack(list(true.values())))
    )
    axes = [f"true {c}" for c in ds["component"].values]
    r = [[truth.correlation(a[unseen], b[unseen]) for b in scores] for a in ds["scores"].values]
    within = np.linalg.norm(loadings @ ds["loadings"].values.T, axis=1)
    ds = ds.assign(
        true_loadings=(("axis", "parameter"), loadings),
        true_explained=("axis", explained),
        r_truth=(("component", "axis"), np.array(r)),
        found=("axis", within),
    ).assign_coords(axis=axes)
    span = f"{ds['component'].values[0]} to {ds['component'].values[-1]}"
    notes = [
        f"{axis} explains {e:.0%} of the true parameters' variance; {length:.2f} of its length lies in {span}"
        for axis, e, length in zip(axes, explained, within, strict=True)
    ]
    return ds.assign_attrs(notes="\n".join(notes))


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each parameter with its loadings.

    The first row is the variance that each component explains.

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


ANALYSIS = Analysis(
    name="pca",
    summary="the axes along which the parameters of one setup's ensemble mean differ",
    options=PcaOptions,
    needs=needs,
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
