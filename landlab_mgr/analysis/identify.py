"""Identifiability: do members that differ in their seeds find the same parameters? JAX-free.

A parameter's coefficient of variation (sd / mean) over the members of a setup is taken at each pixel; the parameter is
identifiable where its median over the pixels is below a threshold. That is little to ask of a parameter that varies
little, so members may be asked to agree on its map too: the mean correlation of two of them over pixels that none has
seen. On a twin planet the ensemble mean is held against the truth, so that the judgement itself can be judged.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, truth
from landlab_mgr.analysis.base import Analysis, Ensemble, Options
from landlab_mgr.analysis.figures import style
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.dalec.parameters import DERIVED, names_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = npt.NDArray[np.floating]

PARAMETERS = (*names_of("ecological"), *(d.name for d in DERIVED))
UNUSED = ("iwue",)
"""No process reads them, so that nothing can identify them."""
WELL_KNOWN = 0.9
"""Pearson r with the truth over the test pixels from which on a parameter counts as found."""


class IdentifyOptions(Options):
    """What counts as identifiable."""

    threshold: float = Field(0.5, gt=0, description="median over the pixels of the coefficient of variation")
    agree: float = Field(
        0.0,
        ge=0,
        le=1,
        description="least mean correlation of two members over the test pixels; 0: not asked",
    )


def compute(ensemble: Ensemble, options: IdentifyOptions) -> xr.Dataset:
    """`cv` [setup, parameter, quantile] over the pixels, `agreement`, `identifiable` [setup, parameter], `members`.

    `agreement` is the mean Pearson r of two members over the pixels that all hold out for their test (over all, where
    these are fewer than 3). On a twin planet also `r_truth` [setup, parameter], of the members' mean with the truth
    over the same pixels. LandlabError for several datasets, a setup with one member, or a run without its parameters.
    """
    data = ensemble.dataset()
    names = [p for p in PARAMETERS if p not in UNUSED]
    setups = list(dict.fromkeys(ensemble.setups()))
    of_run = [setups.index(s) for s in ensemble.setups()]
    alone = [s for i, s in enumerate(setups) if of_run.count(i) < 2]
    if alone:
        raise LandlabError(
            f"{len(alone)} of {len(setups)} setups have one member ({', '.join(alone[:4])}); "
            "a spread needs 2 or more: run more seeds, or give a filter that leaves those setups out"
        )
    judged, where = members.unseen(ensemble, data), "unseen pixels"
    if judged.sum() < 3:
        judged, where = np.ones_like(judged), "all pixels, seen ones too"
    quantiles = np.array([0.25, 0.5, 0.75])
    true = truth.parameters(data, names) if ensemble.synthetic else {}
    shape = (len(setups), len(names))
    cv, agreement, r = np.empty((*shape, 3)), np.empty(shape), np.full(shape, np.nan)
    for i in range(len(setups)):  # one after the other: the maps of all would not fit in memory
        own = replace(ensemble, runs=ensemble.runs.iloc[[k for k, of in enumerate(of_run) if of == i]])
        m = _Spread(judged)
        for file in own.files("parameters"):
            m.add(np.stack([file[n].values for n in names]).astype(float))
        cv[i] = np.nanquantile(m.cv, quantiles, axis=1).T
        agreement[i] = m.agreement
        for j, name in enumerate(names):
            if name in true:
                r[i, j] = truth.correlation(m.mean[j][judged], true[name][judged])
    said = cv[:, :, 1] < options.threshold
    if options.agree:
        said &= agreement >= options.agree
    ds = xr.Dataset(
        {
            "cv": (("setup", "parameter", "quantile"), cv),
            "agreement": (("setup", "parameter"), agreement),
            "identifiable": (("setup", "parameter"), said),
            "members": ("setup", [of_run.count(i) for i in range(len(setups))]),
        },
        {"setup": setups, "parameter": names, "quantile": quantiles},
        options.model_dump() | {"synthetic": int(ensemble.synthetic), "pixels": len(judged), "judged": where},
    )
    if true:
        ds["r_truth"] = (("setup", "parameter"), r)
        ds.attrs["notes"] = "\n".join(_judgement(ds.sel(setup=s)) for s in _largest(ds))
    return ds


def _largest(ds: xr.Dataset) -> list[str]:
    """The two setups with the most predictor groups."""
    return sorted((str(s) for s in ds["setup"].values), key=lambda s: -s.split(",")[0].count("+"))[:2]


def _found(one: xr.Dataset) -> tuple[int, int, int]:
    """Of one setup: how many parameters are called identifiable, are known well, and are both."""
    said, known = one["identifiable"].values, one["r_truth"].values >= WELL_KNOWN
    return int(said.sum()), int(known.sum()), int((said & known).sum())


def _judgement(one: xr.Dataset) -> str:
    """How right it is, on a twin, to call parameters of one setup identifiable."""
    said, known, both = _found(one)
    return (
        f"{one['setup'].values!s}: {both} of {said} identifiable parameters have r >= {WELL_KNOWN} with the truth on "
        f"{one.attrs['judged']}, and {both} of {known} that have it are called identifiable"
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
        said = one["identifiable"].values
        row = {
            "setup": s,
            "members": int(one["members"]),
            "parameters": said.size,
            "identifiable": int(said.sum()),
            "mean agreement": float(one["agreement"].mean()),
        }
        if "r_truth" in ds:
            n_said, known, both = _found(one)
            row |= {
                f"r >= {WELL_KNOWN} to truth": known,
                "precision": both / n_said if n_said else np.nan,
                "recall": both / known if known else np.nan,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def figure(ds: xr.Dataset) -> "Figure":
    """Of the two largest setups: each parameter's median and quartiles of the coefficient of variation."""
    from matplotlib.figure import Figure

    shown = ds.sel(setup=_largest(ds))
    order = np.argsort(shown["cv"].isel(setup=0).sel(quantile=0.5).values)
    shown = shown.isel(parameter=order)
    names = list(shown["parameter"].values)
    fig = Figure(figsize=(8.5, 2.2 + 0.2 * len(names)), layout="constrained")
    ax = fig.add_subplot()
    rows = np.arange(len(names))
    for row in rows[::2]:
        ax.axhspan(row - 0.5, row + 0.5, color="0.96", linewidth=0)
    for i, setup in enumerate(shown["setup"].values):
        low, middle, high = shown["cv"].sel(setup=setup).values.T
        y = rows + (i - (shown.sizes["setup"] - 1) / 2) * 0.36
        ax.hlines(y, low, high, color=style.PALETTE[i], linewidth=1.5)
        n = int(shown["members"].sel(setup=setup))
        how: dict[str, Any] = {
            "s": 26,
            "edgecolor": style.PALETTE[i],
            "marker": style.MARKERS[i],
            "zorder": 3,
        }
        one = shown.sel(setup=setup)
        full = one["r_truth"].values >= WELL_KNOWN if "r_truth" in one else np.ones(len(names), bool)
        ax.scatter(middle, y, color=np.where(full, style.PALETTE[i], "white"), **how)
        ax.scatter([], [], color=style.PALETTE[i], label=f"{setup} ({n} members)", **how)
    if "r_truth" in shown:
        hollow: dict[str, Any] = {"s": 26, "color": "white", "edgecolor": "0.3"}
        ax.scatter([], [], label=f"hollow: r < {WELL_KNOWN} with the truth on {ds.attrs['judged']}", **hollow)
    ax.axvline(ds.attrs["threshold"], color="0.4", linestyle="--", linewidth=1)
    ax.set_xscale("log")
    ax.set_yticks(rows, [n.replace("_", " ") for n in names], fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlabel(
        f"coefficient of variation over members: median and quartiles of {ds.attrs['pixels']} pixels"
    )
    style.quiet(ax)
    synthetic = ", synthetic data" if ds.attrs["synthetic"] else ""
    style.entitle(ax, f"Which parameters the members agree on{synthetic}", ds.attrs)
    fig.legend(loc="outside lower center", ncols=1, frameon=False)
    return fig


ANALYSIS = Analysis(
    name="identify",
    summary="which parameters members that differ in their seeds agree on",
    options=IdentifyOptions,
    splits=lambda options: (),
    compute=compute,
    table=table,
    figure=figure,
    kinds=("parameters",),
)
