"""Identifiability: do members that differ in their seeds find the same parameters? JAX-free.

A parameter's coefficient of variation (sd / mean) over the members of a setup is taken at each pixel; the parameter is
identifiable where its median over the pixels is below a threshold. A day of the year has no mean to divide by: its
spread is the circular standard deviation in radians (of a year 0.5 are 29 days; Mardia & Jupp 2000,
doi:10.1002/9780470316979, section 2.3).

A narrow spread is little to ask of a parameter that varies little. Beside it stands the null: the same of members
before they are trained, whose networks start close together. Members may be asked to agree on a parameter's map too:
the mean correlation of two of them over pixels that none has seen. On a twin planet the ensemble mean is held against
the truth, so that the judgement itself can be judged.
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
    """Options: what counts as identifiable."""

    threshold: float = Field(0.5, gt=0, description="median over the pixels of the coefficient of variation")
    agree: float = Field(
        0.0,
        ge=0,
        le=1,
        description="least mean correlation of two members over the test pixels; 0: not asked",
    )
    null: int = Field(
        10, ge=0, description="untrained members of each of the two largest setups, for the null; 0: none"
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
    these are fewer than 3); of days of the year that of their sines and cosines. `null` [setup, parameter] is the
    median cv of untrained members, NaN where none were drawn; `list` [parameter] says what a parameter is counted
    among. On a twin planet also `r_truth` [setup, parameter], of the members' mean with the truth over the same pixels.
    LandlabError for several datasets, a setup with one member, or a run without its parameters.
    """
    check(ds, options)
    tables = of_models.process_model(of_models.models_in(ds))
    lists = of_models.judged(tables)
    names = list(lists)
    periods = np.array([tables.by_name[n].period if n in tables.by_name else None for n in names], float)
    setups = list(dict.fromkeys(runs.setups(ds)))
    of_run = [setups.index(s) for s in runs.setups(ds)]
    judged, where = members.unseen(ds), "unseen pixels"
    if judged.sum() < 3:
        judged, where = np.ones_like(judged), "all pixels, seen ones too"
    quantiles = np.array([0.25, 0.5, 0.75])
    true = truth.parameters(ds, names, tables) if ds.attrs["synthetic"] else {}
    shape = (len(setups), len(names))
    cv, agreement, r = np.empty((*shape, 3)), np.empty(shape), np.full(shape, np.nan)
    for i in range(len(setups)):  # one after the other: the maps of all would not fit in memory
        own = [row for row, of in enumerate(of_run) if of == i]
        m = _Spread(judged, periods)
        for file in runs.files(ds, "parameters", own, names):
            m.add(np.stack([file[n].values for n in names]).astype(float))
        cv[i] = np.nanquantile(m.cv, quantiles, axis=1).T
        agreement[i] = m.agreement
        for j, name in enumerate(names):
            if name in true:
                r[i, j] = m.r_with(j, true[name])
    identifiable = cv[:, :, 1] < options.threshold
    if options.agree:
        identifiable &= agreement >= options.agree
    result = xr.Dataset(
        {
            "cv": (("setup", "parameter", "quantile"), cv),
            "agreement": (("setup", "parameter"), agreement),
            "identifiable": (("setup", "parameter"), identifiable),
            "members": ("setup", [of_run.count(i) for i in range(len(setups))]),
            "list": ("parameter", list(lists.values())),
        },
        {"setup": setups, "parameter": names, "quantile": quantiles},
        options.model_dump() | {"synthetic": ds.attrs["synthetic"], "pixels": len(judged), "judged": where},
    )
    null, notes = _null(ds, options, result, names, periods)
    result["null"] = (("setup", "parameter"), null)
    if true:
        result["r_truth"] = (("setup", "parameter"), r)
        notes += [_judgement(result.sel(setup=s)) for s in largest(result)]
    return result.assign_attrs(notes="\n".join(notes))


def _null(
    ds: xr.Dataset, options: IdentifyOptions, result: xr.Dataset, names: list[str], periods: Values
) -> tuple[Values, list[str]]:
    """Median cv of untrained members, [setup, parameter], of the two largest setups; and what is known of it."""
    null = np.full((result.sizes["setup"], len(names)), np.nan)
    if options.null < 2:
        return null, []
    from landlab_mgr.prediction import untrained  # JAX

    pixels = np.unique(np.linspace(0, ds.sizes["pixel"] - 1, min(NULL_PIXELS, ds.sizes["pixel"])).astype(int))
    data = ds[[n for n, x in ds.data_vars.items() if x.dims == ("pixel",)]].assign_attrs(ds.attrs)
    specs, setups, of_setup = runs.specs(ds), list(result["setup"].values), runs.setups(ds)
    for setup in largest(result):
        own = [spec for spec, name in zip(specs, of_setup, strict=True) if name == setup][: options.null]
        m = _Spread(np.ones(len(pixels), bool), periods)
        try:
            for spec in own:
                values = untrained.parameters(spec, data, pixels)
                m.add(np.stack([values[n] for n in names]).astype(float))
        except LandlabError as error:
            return null, [f"null: not drawn ({error})"]
        null[setups.index(setup)] = np.nanmedian(m.cv, axis=1)
    return null, [
        f"null: the median spread of up to {options.null} members before they are trained, of the two largest setups, "
        f"at {len(pixels)} pixels; a parameter whose spread is not well below it was narrow to begin with"
    ]


NULL_PIXELS = 2000
"""Pixels, evenly taken, at which untrained members are drawn."""
NARROWER = 0.5
"""Part of the null's spread below which training has narrowed a parameter."""


def _counts(one: xr.Dataset) -> tuple[int, int, int]:
    """Of one setup: how many parameters are called identifiable, are known well, and are both."""
    identifiable, well_known = one["identifiable"].values, one["r_truth"].values >= WELL_KNOWN
    return int(identifiable.sum()), int(well_known.sum()), int((identifiable & well_known).sum())


def _judgement(one: xr.Dataset) -> str:
    """Tell how rightly a setup's parameters are called identifiable, on a twin."""
    identifiable, well_known, both = _counts(one)
    return (
        f"{one['setup'].values!s}: {both} of {identifiable} identifiable parameters have r >= {WELL_KNOWN} with "
        f"the truth on {one.attrs['judged']}, and {both} of {well_known} that have it are called identifiable"
    )


class _Spread:
    """Mean and sum of squared deviations, [parameter, pixel], member by member (Welford 1962).

    And the sum of the members' maps over the judged pixels, each of mean 0 and length 1: of n of them the squared
    length is n + n (n - 1) times the mean correlation of two. A value with a period is a point on the circle, whose
    real part is its cosine and whose imaginary part its sine.
    """

    def __init__(self, judged: npt.NDArray[np.bool_], periods: Values) -> None:
        self.n, self.judged = 0, judged
        self.circular = np.isfinite(periods)
        self.periods = periods[self.circular]

    def _angles(self, x: Values) -> Values:
        return 2 * np.pi * x / self.periods[:, None]

    def add(self, x: Values) -> None:
        if not self.n:
            self.mean, self.squares = np.zeros_like(x), np.zeros_like(x)
            self.points = np.zeros((len(self.periods), x.shape[1]), complex)
            self.maps = np.zeros((len(x), int(self.judged.sum())), complex)
        elif x.shape != self.mean.shape:
            raise LandlabError(f"parameters of {x.shape[1]} pixels, after some of {self.mean.shape[1]}")
        self.n += 1
        delta = x - self.mean
        self.mean += delta / self.n
        self.squares += delta * (x - self.mean)
        points = np.exp(1j * self._angles(x[self.circular]))
        self.points += points
        here = x[:, self.judged].astype(complex)
        here[self.circular] = points[:, self.judged]
        here = here - here.mean(axis=1, keepdims=True)
        length = np.linalg.norm(here, axis=1, keepdims=True)
        size = np.where(self.circular, 1.0, np.abs(x).max(axis=1))[:, None]
        self.maps += np.divide(here, length, out=np.full_like(here, np.nan), where=length > 1e-9 * size)

    @property
    def cv(self) -> Values:
        """Spread over the members, [parameter, pixel]: sd over mean, or the circular sd in radians."""
        spread: Values = np.sqrt(self.squares / (self.n - 1)) / np.abs(self.mean)
        spread[self.circular] = np.sqrt(-2 * np.log(np.clip(np.abs(self.points) / self.n, 1e-300, 1.0)))
        return spread

    @property
    def agreement(self) -> Values:
        """Mean correlation of two members, [parameter]; NaN where a member has the same value everywhere."""
        return ((np.abs(self.maps) ** 2).sum(axis=1) - self.n) / (self.n * (self.n - 1))

    def r_with(self, j: int, true: Values) -> float:
        """Correlation of the members' mean of the j-th parameter with its true map over the judged pixels."""
        if not self.circular[j]:
            return truth.correlation(self.mean[j][self.judged], true[self.judged])
        k = int(self.circular[:j].sum())
        mean = (self.points[k] / np.abs(self.points[k]))[self.judged]
        right = np.exp(2j * np.pi * true[self.judged] / self.periods[k])
        a, b = (np.concatenate([x.real - x.real.mean(), x.imag - x.imag.mean()]) for x in (mean, right))
        return truth.correlation(a, b)


def _lists(ds: xr.Dataset) -> list[str]:
    return list(dict.fromkeys(map(str, ds["list"].values)))


def _part(identifiable: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> str:
    return f"{(identifiable & of).sum()} of {of.sum()}"


def _narrowed(one: xr.Dataset) -> str:
    """Tell how many of the identifiable parameters training has narrowed.

    The text is "N of M", and "" without a null.
    """
    null, identifiable = one["null"].values, one["identifiable"].values
    if not np.isfinite(null).any():
        return ""
    narrower = one["cv"].sel(quantile=0.5).values < NARROWER * null
    return f"{(identifiable & narrower).sum()} of {identifiable.sum()}"


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each setup.

    Members, how many parameters of each list are identifiable, and on a twin how many truly.

    `and narrowed`: identifiable, and with less than NARROWER of the null's spread.
    """
    rows = []
    for s in ds["setup"].values:
        one = ds.sel(setup=s)
        identifiable = one["identifiable"].values
        row = {
            "setup": s,
            "members": int(one["members"]),
            "parameters": identifiable.size,
            "identifiable": int(identifiable.sum()),
            **{f"of {name}": _part(identifiable, ds["list"].values == name) for name in _lists(ds)},
            "and narrowed": _narrowed(one),
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
