"""Identifiability: do members that differ in their seeds find the same parameters? JAX-free.

A parameter's coefficient of variation (sd / mean) over the members of a setup is taken at each pixel; the parameter is
identifiable where its median over the pixels is below a threshold. That is little to ask of a parameter that varies
little, so members may be asked to agree on its map too: the mean correlation of two of them over pixels that none has
seen. On a twin planet the ensemble mean is held against the truth, so that the judgement itself can be judged.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, of_models, runs, truth
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.identify import WELL_KNOWN, figure, largest
from landlab_mgr.errors import LandlabError

Values = npt.NDArray[np.floating]


class IdentifyOptions(Options):
    """What counts as identifiable."""

    threshold: float = Field(0.5, gt=0, description="median over the pixels of the coefficient of variation")
    agree: float = Field(
        0.0,
        ge=0,
        le=1,
        description="least mean correlation of two members over the test pixels; 0: not asked",
    )


def check(ds: xr.Dataset, options: IdentifyOptions) -> None:
    """LandlabError for a setup with one member."""
    of_run = runs.setups(ds)
    setups = list(dict.fromkeys(of_run))
    alone = [s for s in setups if of_run.count(s) < 2]
    if alone:
        raise LandlabError(
            f"{len(alone)} of {len(setups)} setups have one member ({', '.join(alone[:4])}); "
            "a spread needs 2 or more: run more seeds, or give a filter that leaves those setups out"
        )


def compute(ds: xr.Dataset, options: IdentifyOptions) -> xr.Dataset:
    """`cv` [setup, parameter, quantile] over the pixels, `agreement`, `identifiable` [setup, parameter], `members`.

    `agreement` is the mean Pearson r of two members over the pixels that all hold out for their test (over all, where
    these are fewer than 3). On a twin planet also `r_truth` [setup, parameter], of the members' mean with the truth
    over the same pixels. LandlabError for several datasets, a setup with one member, or a run without its parameters.
    """
    check(ds, options)
    tables = of_models.process_model(of_models.models_in(ds))
    judged_parameters = list(of_models.estimated(tables))
    setups = list(dict.fromkeys(runs.setups(ds)))
    of_run = [setups.index(s) for s in runs.setups(ds)]
    judged, where = members.unseen(ds), "unseen pixels"
    if judged.sum() < 3:
        judged, where = np.ones_like(judged), "all pixels, seen ones too"
    quantiles = np.array([0.25, 0.5, 0.75])
    true = truth.parameters(ds, judged_parameters, tables) if ds.attrs["synthetic"] else {}
    shape = (len(setups), len(judged_parameters))
    cv, agreement, r = np.empty((*shape, 3)), np.empty(shape), np.full(shape, np.nan)
    for i in range(len(setups)):  # one after the other: the maps of all would not fit in memory
        own = [row for row, of in enumerate(of_run) if of == i]
        m = _Spread(judged)
        for file in runs.files(ds, "parameters", own, judged_parameters):
            m.add(np.stack([file[n].values for n in judged_parameters]).astype(float))
        cv[i] = np.nanquantile(m.cv, quantiles, axis=1).T
        agreement[i] = m.agreement
        for j, name in enumerate(judged_parameters):
            if name in true:
                r[i, j] = truth.correlation(m.mean[j][judged], true[name][judged])
    identifiable = cv[:, :, 1] < options.threshold
    if options.agree:
        identifiable &= agreement >= options.agree
    result = xr.Dataset(
        {
            "cv": (("setup", "parameter", "quantile"), cv),
            "agreement": (("setup", "parameter"), agreement),
            "identifiable": (("setup", "parameter"), identifiable),
            "members": ("setup", [of_run.count(i) for i in range(len(setups))]),
        },
        {"setup": setups, "parameter": judged_parameters, "quantile": quantiles},
        options.model_dump() | {"synthetic": ds.attrs["synthetic"], "pixels": len(judged), "judged": where},
    )
    if true:
        result["r_truth"] = (("setup", "parameter"), r)
        result.attrs["notes"] = "\n".join(_judgement(result.sel(setup=s)) for s in largest(result))
    return result


def _counts(one: xr.Dataset) -> tuple[int, int, int]:
    """Of one setup: how many parameters are called identifiable, are known well, and are both."""
    identifiable, well_known = one["identifiable"].values, one["r_truth"].values >= WELL_KNOWN
    return int(identifiable.sum()), int(well_known.sum()), int((identifiable & well_known).sum())


def _judgement(one: xr.Dataset) -> str:
    """How right it is, on a twin, to call parameters of one setup identifiable."""
    identifiable, well_known, both = _counts(one)
    return (
        f"{one['setup'].values!s}: {both} of {identifiable} identifiable parameters have r >= {WELL_KNOWN} with "
        f"the truth on {one.attrs['judged']}, and {both} of {well_known} that have it are called identifiable"
    )


class _Spread:
    """Mean and sum of squared deviations, [parameter, pixel], member by member (Welford 1962).

    And the sum of the members' maps over the judged pixels, each of mean 0 and length 1: of n of them the squared
    length is n + n (n - 1) times the mean correlation of two.
    """

    def __init__(self, judged: npt.NDArray[np.bool_]) -> None:
        self.n, self.judged = 0, judged

    def add(self, x: Values) -> None:
        if not self.n:
            self.mean, self.squares = np.zeros_like(x), np.zeros_like(x)
            self.maps = np.zeros((len(x), int(self.judged.sum())))
        elif x.shape != self.mean.shape:
            raise LandlabError(f"parameters of {x.shape[1]} pixels, after some of {self.mean.shape[1]}")
        self.n += 1
        delta = x - self.mean
        self.mean += delta / self.n
        self.squares += delta * (x - self.mean)
        here = x[:, self.judged]
        here = here - here.mean(axis=1, keepdims=True)
        length = np.linalg.norm(here, axis=1, keepdims=True)
        varies = length > 1e-9 * np.abs(x).max(axis=1, keepdims=True)
        self.maps += np.divide(here, length, out=np.full_like(here, np.nan), where=varies)

    @property
    def cv(self) -> Values:
        return np.sqrt(self.squares / (self.n - 1)) / np.abs(self.mean)

    @property
    def agreement(self) -> Values:
        """Mean correlation of two members, [parameter]; NaN where a member has the same value everywhere."""
        return ((self.maps**2).sum(axis=1) - self.n) / (self.n * (self.n - 1))


def table(ds: xr.Dataset) -> pd.DataFrame:
    """A row for each setup: members, how many parameters are identifiable, and on a twin how many truly are."""
    rows = []
    for s in ds["setup"].values:
        one = ds.sel(setup=s)
        identifiable = one["identifiable"].values
        row = {
            "setup": s,
            "members": int(one["members"]),
            "parameters": identifiable.size,
            "identifiable": int(identifiable.sum()),
            "mean agreement": float(one["agreement"].mean()),
        }
        if "r_truth" in ds:
            n_identifiable, well_known, both = _counts(one)
            row |= {
                f"r >= {WELL_KNOWN} to truth": well_known,
                "precision": both / n_identifiable if n_identifiable else np.nan,
                "recall": both / well_known if well_known else np.nan,
            }
        rows.append(row)
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="identify",
    summary="which parameters members that differ in their seeds agree on",
    options=IdentifyOptions,
    needs=lambda options: Needs(files={"parameters": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
