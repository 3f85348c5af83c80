"""Benchmark: models and setups side by side on what none of them has seen, and by how much they differ. JAX-free.

Scored is the ensemble-mean prediction of each; the difference to a reference model has a bootstrap interval over
cells (patches), which are drawn with replacement (Efron & Tibshirani 1993, doi:10.1201/9780429246593).
"""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.benchmark import figure
from landlab_mgr.analysis.of_models import models_in, streams_in
from landlab_mgr.catalog.compare import flattened
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import is_compared, score_name
from landlab_mgr.observations.streams import Stream
from landlab_mgr.spec.run import RunSpec, SplitSpec

Values = npt.NDArray[np.floating]

PARTS = {members.WITHHELD: "withheld months", split.TEST: "held-out cells"}
STATISTICS = ("R2", "r2", "r of site means")
INTERVAL = (0.025, 0.975)


class BenchmarkOptions(Options):
    """Options: what is compared, and with which."""

    reference: str = Field(
        "gradient_boosting",
        description="what the others are held against: a name in the table, or a model, of which the first",
    )
    pool: str = Field(
        "",
        description="fields, with commas between, over whose values an ensemble mean goes, as it does over folds: "
        "process.NAME",
    )
    variables: str = Field(
        "", description="variables, with commas between; default: what the first model notes, or all"
    )
    draws: int = Field(1000, ge=100, le=100_000, description="bootstrap samples of patches")
    seed: int = Field(0, ge=0, description="of the bootstrap")

    def filled(self, models: Sequence[Tables]) -> Self:
        """With the variables that a model notes, or all that are observed, where none are named."""
        if self.variables:
            return self
        noted = [m.notes["benchmarked"] for m in models if "benchmarked" in m.notes]
        every = dict.fromkeys(s.variable for s in registry.streams().values())
        return self.model_copy(update={"variables": ",".join(noted[0] if noted else every)})


def check(ds: xr.Dataset, options: BenchmarkOptions) -> None:
    """LandlabError for one model only, an unknown reference or pool, or variables that nothing observes."""
    options = options.filled(models_in(ds))
    _models(runs.specs(ds), options)
    _observed(ds, options)


def _models(specs: list[RunSpec], options: BenchmarkOptions) -> tuple[list[str], list[str], str]:
    """Return the model of each run, all models in order, and the reference."""
    names = names_of(specs, members.names_in(options.pool))
    models = sorted(set(names), key=lambda n: (registry.names().index(specs[names.index(n)].model), n))
    kinds = [str(specs[names.index(n)].model) for n in models]
    return names, models, _reference(options.reference, models, kinds)


def _observed(ds: xr.Dataset, options: BenchmarkOptions) -> list[str]:
    """Variables that are asked for and observed."""
    streams = streams_in(ds)
    observed = [score_name(s, streams) for s in streams]
    wanted = [v for v in members.names_in(options.variables) if v in observed]
    if not wanted:
        raise LandlabError(
            f"option variables: none of {options.variables} is observed; there are: {', '.join(observed)}"
        )
    return wanted


def compute(ds: xr.Dataset, options: BenchmarkOptions) -> xr.Dataset:
    """`skill` [split, variable, model, statistic] and `difference` to the reference, each with `_low` and `_high`.

    Of ensemble means: on held-out cells each place counts once, with the mean of the runs that held it out (of a k-fold
    those of one fold); on withheld months, with the mean of the runs that trained there. All models of a variable are
    scored at the same places: those that every one predicts. `cells`, `places` and `months` [split, variable] say on
    how much a number rests, `runs` [model] and `fewest`, `most` [split, model] how many are averaged. LandlabError for
    one model only, an unknown reference, several datasets, or where nothing is held out.
    """
    specs, options = runs.specs(ds), options.filled(models_in(ds))
    names, models, reference = _models(specs, options)
    streams, wanted = streams_in(ds), _observed(ds, options)
    pairs: dict[tuple[str, str], _Compared] = {}
    counts: dict[tuple[str, str], list[int]] = {}
    for part in PARTS:
        if not all(_is_observed(ds, streams, of, part) for of in {spec.split for spec in specs}):
            continue
        for variable, means in _means(ds, names, part, wanted).items():
            if means and (compared := _Compared(means, models)).places:
                pairs[part, variable] = compared
                for name, mean in means.items():
                    counts.setdefault((part, name), []).extend(mean.count[compared.common])
    if not pairs:
        raise LandlabError(
            f"nothing of {', '.join(wanted)} is held out from all of {'; '.join(models)}; give runs with a test set, "
            "such as those of experiments/fluxval_kfold.toml"
        )
    parts = [p for p in PARTS if any(key[0] == p for key in pairs)]
    variables = [v for v in wanted if any(key[1] == v for key in pairs)]
    shape = (len(parts), len(variables), len(models), len(STATISTICS))
    numbers = {name: np.full(shape, np.nan) for name in NUMBERS}
    sizes = {name: np.zeros(shape[:2], int) for name in ("cells", "places", "months")}
    for (part, variable), compared in pairs.items():
        at = parts.index(part), variables.index(variable)
        for name, x in compared.numbers(len(models), models.index(reference), options).items():
            numbers[name][at] = x
        for name, size in sizes.items():
            size[at] = getattr(compared, name)
    averaged = {
        name: (("split", "model"), [[of(counts.get((p, m), [0])) for m in models] for p in parts])
        for name, of in (("fewest", min), ("most", max))
    }
    scored = ("split", "variable", "model", "statistic")
    result = xr.Dataset(
        {name: (scored, x) for name, x in numbers.items()}
        | {name: (scored[:2], x) for name, x in sizes.items()}
        | averaged
        | {"runs": ("model", [names.count(m) for m in models])},
        {"split": parts, "variable": variables, "model": models, "statistic": list(STATISTICS)},
        options.model_dump() | {"reference": reference, "synthetic": ds.attrs["synthetic"]},
    )
    absent = [v for v in members.names_in(options.variables) if v not in variables]
    return result.assign_attrs(notes="\n".join(_notes(result, specs, absent)))


def _is_observed(data: xr.Dataset, streams: list[Stream], of: SplitSpec, part: str) -> bool:
    """Return whether a part has observations at all.

    Months are withheld by the dataset or the split, or not.
    """
    months = split.withheld_months(data, of)
    held_out = months is not None and bool(months.any())
    period = members.WITHHELD if part == members.WITHHELD else "observation"
    return any(is_compared(data, s, period, held_out) for s in streams)


NUMBERS = ("skill", "skill_low", "skill_high", "difference", "difference_low", "difference_high")


def names_of(specs: Sequence[RunSpec], pool: Sequence[str] = ()) -> list[str]:
    """Name what each run is an instance of.

    The name holds its model, its predictors where the model has several, and what else varies.

    The folds of a k-fold are one, for together they hold every cell out once; so are the values of the fields in
    `pool`. LandlabError where no specification has such a field.
    """
    settings = []
    for spec in specs:
        content = flattened(spec.complete(exclude={"predictors", "seeds"}))
        settings.append({"predictors": spec.label} | content)
    fields_of_any = sorted({field for s in settings for field in s})
    for field in pool:
        if field not in fields_of_any:
            raise LandlabError(
                f"option pool: no run has a field {field!r}; there are: {', '.join(fields_of_any)}"
            )
    for own in settings:
        for field in ("split.fold", *pool):
            own.pop(field, None)
    names = []
    for spec, own in zip(specs, settings, strict=True):
        alike = [s for s in settings if s["model"] == spec.model]
        fields = [f for f in own if len({str(s.get(f)) for s in alike}) > 1 and own[f] is not None]
        differs = [own[f] if f == "predictors" else f"{f.rpartition('.')[2]} {own[f]}" for f in fields]
        names.append(", ".join([spec.tables.label, *map(str, differs)]))
    return names


def _reference(wanted: str, models: list[str], kinds: list[str]) -> str:
    """Return the name that is meant: one in the table, or a model's first."""
    meant = [m for m, kind in zip(models, kinds, strict=True) if wanted in (m, kind)]
    if len(models) < 2:
        raise LandlabError(
            f"the runs are all of {models[0]}; a benchmark compares two or more: give a filter that finds runs of "
            "several models or setups"
        )
    if not meant:
        more = f"; ... ({len(models)})" if len(models) > 5 else ""
        raise LandlabError(
            f"option reference: no run is of {wanted!r}; there are: {'; '.join(models[:5])}{more}"
        )
    return meant[0]


def _means(
    ds: xr.Dataset, names: list[str], part: str, variables: list[str]
) -> dict[str, dict[str, members.Mean]]:
    """By variable and model, the mean prediction of its runs."""
    means: dict[str, dict[str, members.Mean]] = {v: {} for v in variables}
    for name, (file, targets) in zip(names, members.predictions(ds, part, variables), strict=True):
        for target in targets:
            mean = means[target.name].setdefault(name, members.Mean(target))
            mean.add(target.of(file), members.scored(target.labels(file), part))
    return means


class _Compared:
    """One variable in one part: the moments of every model at the places and months that all of them are scored at."""

    def __init__(self, means: dict[str, members.Mean], models: list[str]) -> None:
        first = next(iter(means.values())).target
        self.common = np.logical_and.reduce([mean.count > 0 for mean in means.values()])
        seen = np.logical_and.reduce([np.isfinite(mean.target.observed) for mean in means.values()])
        self.common &= seen.any(axis=0)
        observed = np.where(seen, first.observed, np.nan)[:, self.common]
        self._moments = {
            models.index(name): metrics.moments(mean.of(self.common), observed)
            for name, mean in means.items()
        }
        patch = first.patch if first.level == "pixel" else np.unique(first.patch)
        self._patch = np.unique(patch[self.common], return_inverse=True)[1]
        self.cells = int(self._patch.max(initial=-1)) + 1
        self.places = int(self.common.sum())
        self.months = int(np.isfinite(observed).sum())

    def numbers(self, models: int, reference: int, options: BenchmarkOptions) -> dict[str, Values]:
        """NUMBERS, [model, statistic] each: of all cells, and the INTERVAL of samples of them."""
        drawn = np.random.default_rng(options.seed).integers(self.cells, size=(options.draws, self.cells))
        times = np.stack([np.bincount(cells, minlength=self.cells) for cells in drawn]).astype(float)
        times = times[:, self._patch]
        whole = np.ones((1, self.places))
        out = {name: np.full((models, len(STATISTICS)), np.nan) for name in NUMBERS}
        statistics = {i: [_statistics(m, w) for w in (whole, times)] for i, m in self._moments.items()}
        for i, (of_all, of_samples) in statistics.items():
            out["skill"][i] = of_all[:, 0]
            out["skill_low"][i], out["skill_high"][i] = _interval(of_samples)
            if i != reference and reference in statistics:
                other = statistics[reference]
                out["difference"][i] = (of_all - other[0])[:, 0]
                out["difference_low"][i], out["difference_high"][i] = _interval(of_samples - other[1])
        return out


def _interval(samples: Values) -> Values:
    """Return the INTERVAL of each row of [statistic, sample].

    It is over the samples in which the row is defined.
    """
    defined = [x[np.isfinite(x)] for x in samples]
    return np.array([np.quantile(x, INTERVAL) if x.size else (np.nan, np.nan) for x in defined]).T


def _statistics(x: metrics.Moments, times: Values) -> Values:
    """STATISTICS, [statistic, sample], of places that are taken so many times each, [sample, place]."""
    pairs, means = (metrics.statistics_of(metrics.resampled(m, times)) for m in (x, metrics.of_means(x)))
    return np.stack([pairs["R2"], pairs["r2"], means["r"]])


def _notes(ds: xr.Dataset, specs: Sequence[RunSpec], absent: list[str]) -> list[str]:
    """Tell what the numbers are, and on how much they rest."""
    runs = {}
    for part, few, many in _averaged(ds):
        runs[part] = f"{few} to {many} runs" if few < many else f"{many} run{'' if many == 1 else 's'}"
    which, draws, seen = ds.attrs["reference"], ds.attrs["draws"], members.WITHHELD
    notes = [
        "ensemble mean: the score of the mean prediction of a model's runs; all models at the same places and months",
        f"difference: less {which}; low and high: 95 % interval of {draws} bootstrap samples of whole cells",
    ]
    if split.TEST in runs:
        notes.append(f"{PARTS[split.TEST]}: each with the mean of the {runs[split.TEST]} that held it out")
    if seen in runs:
        notes.append(f"{PARTS[seen]}: at cells that runs trained on, with the mean of those {runs[seen]}")
    notes.append(f"predictors: {'; '.join(dict.fromkeys(spec.label for spec in specs))}")
    if absent:
        notes.append(f"not held out, or not observed: {', '.join(absent)}")
    notes.append("this look at test and withheld is counted")
    return notes


def _averaged(ds: xr.Dataset) -> Iterator[tuple[str, int, int]]:
    """Each part, with the fewest and the most runs that are averaged at a place."""
    for part in ds["split"].values:
        one = ds.sel(split=part)
        yield str(part), int(one["fewest"].min()), int(one["most"].max())


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each split, variable and model.

    Its statistics, and its R2 less the reference's with the interval.
    """
    rows = []
    for part in ds["split"].values:
        for variable in ds["variable"].values:
            for model in ds["model"].values:
                one = ds.sel(split=part, variable=variable, model=model)
                if not np.isfinite(one["skill"]).any():
                    continue
                gain = [float(one[f"difference{end}"].sel(statistic="R2")) for end in ("", "_low", "_high")]
                rows.append(
                    {
                        "scored": PARTS[str(part)],
                        "variable": variable,
                        "model": model,
                        "runs": int(one["runs"]),
                        "cells": int(one["cells"]),
                        "months": int(one["months"]),
                        **{s: float(one["skill"].sel(statistic=s)) for s in STATISTICS},
                        **dict(zip(("R2 difference", "low", "high"), np.round(gain, 3), strict=True)),
                    }
                )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="benchmark",
    summary="models side by side on withheld months and held-out cells, with the differences' intervals",
    options=BenchmarkOptions,
    needs=lambda options: Needs(tuple(PARTS), files={"monthly": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
