"""Skill by setup: one statistic of every variable, of each member or of the ensemble mean. JAX-free.

The two are different numbers: the skill of a member is a run's own; that of the ensemble mean is the skill of the mean
prediction of a setup's members, which is mostly better.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import levels, members, runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.skill import figure
from landlab_mgr.analysis.of_models import in_order, streams_in
from landlab_mgr.data import schema, split
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.comparable import score_name

FIRST = ("CONTROL", "LATLON")
"""Predictor sets that the other ones are held against."""
CATALOGUED = ("flat", "temporal", "spatial")
"""Levels at which the members' own skill is among their metrics."""


class SkillOptions(Options):
    """Options: which skill.

    The statistics are those that need no unit, so that variables share an axis.
    """

    split: Literal["train", "dev", "test", "withheld"] = Field("dev", description="pixels or months scored")
    statistic: Literal["R2", "r2", "r"] = Field(
        "R2", description="R2: Nash-Sutcliffe; r: Pearson, r2: its square"
    )
    level: Literal["flat", "temporal", "spatial", "trend", "anomaly"] = Field(
        "flat",
        description="over pixel-months, medians of pixels in time, pixels' means, their trends over years, or months "
        "less their mean seasonal cycle",
    )
    of: Literal["member", "ensemble_mean"] = Field(
        "member", description="of each run's own prediction, or of the mean prediction of a setup's runs"
    )


def needs(options: SkillOptions) -> Needs:
    """Ask for the metrics where they hold the skill, else the monthly files.

    The monthly files are of the same predictions.
    """
    if options.of == "member" and options.level in CATALOGUED:
        return Needs((options.split,), options.level, dataset="if readable")
    return Needs((options.split,), files={"monthly": ()}, hashed=False)


def compute(ds: xr.Dataset, options: SkillOptions) -> xr.Dataset:
    """`skill` [run, variable] with each run's `setup` and `seed`, or of ensemble means [ensemble, variable].

    Setups by their number of predictor groups; `members` says how many runs an entry is of, `compared` on how many
    values a number rests and `possible` on how many it would, were everything observed (NaN where unknown). NaN where
    a statistic is undefined. The mean over members takes at each pixel those that are scored there: all on test, and
    on dev and train those for which the pixel is of that part. LandlabError where no run has the statistic.
    """
    scores = _of_metrics(ds, options) if needs(options).level else _of_files(ds, options)
    undefined = [v for v in scores["variable"].values if scores["skill"].sel(variable=v).isnull().all()]
    scores = scores.drop_sel(variable=undefined)
    if not scores["skill"].size:
        raise LandlabError(
            f"none of {ds.sizes['run']} runs has {options.statistic} on {options.split} ({options.level}); "
            "`landlab show RUN` lists what a run has"
        )
    variables = in_order([str(v) for v in scores["variable"].values])
    rank = [FIRST.index(x) if x in FIRST else len(FIRST) + x.count("+") for x in scores["label"].values]
    setups, seeds = scores["setup"].values, scores["seed"].values
    order = sorted(range(len(rank)), key=lambda i: (rank[i], setups[i], seeds[i]))
    rows = scores["skill"].dims[0]
    result = scores.isel({rows: order}).sel(variable=variables)
    result = result.drop_vars("seed") if options.of == "ensemble_mean" else result
    attrs = options.model_dump() | {"synthetic": ds.attrs["synthetic"]}
    return result.assign_attrs(attrs | {"notes": "\n".join(_notes(result, options, undefined))})


def _of_metrics(ds: xr.Dataset, options: SkillOptions) -> xr.Dataset:
    """Return the members' skill as the catalog has it."""
    cube = ds["metric"].sel(split=options.split, drop=True).reindex(statistic=[options.statistic, "n"])
    names = [str(v) for v in cube["variable"].values]
    skill, n = cube.transpose("statistic", "run", "variable").values
    possible, units = _possible(ds, options, names)
    return _dataset("run", ds, range(len(n)), names, units, skill, n, possible)


def _possible(data: xr.Dataset, options: SkillOptions, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Count the values that metrics could rest on, and name what they are.

    Counts are [run, variable]; NaN where the dataset is not here.
    """
    possible, units = np.full((data.sizes["run"], len(names)), np.nan), ["values"] * len(names)
    if "patch" not in data:  # several datasets, or one that is elsewhere: the metrics are here all the same
        return possible, units
    streams = streams_in(data)
    by_score = {score_name(s, streams): s for s in streams}
    part = split.TRAIN if options.split == members.WITHHELD else options.split
    steps: dict[tuple[object, ...], int] = {}
    geometry = {n: data[n].values for n in (*schema.GEOMETRY, *schema.OPTIONAL_GEOMETRY) if n in data}
    for row, spec in enumerate(runs.specs(data)):
        chosen = split.assign(geometry, spec.split, spec.seeds.split) == part
        places = {"pixel": int(chosen.sum()), "patch": len(np.unique(geometry["patch"][chosen]))}
        for column, stream in enumerate(by_score.get(name) for name in names):
            if stream is not None:
                key = (spec.split, spec.warmup_months, stream.average)
                if key not in steps:
                    steps[key] = members.steps(data, spec, options.split, stream.average)
                possible[row, column] = levels.possible(options.level, steps[key], places[stream.level])
                units[column] = levels.unit(options.level, stream.average, stream.level)
    return possible, units


def _of_files(ds: xr.Dataset, options: SkillOptions) -> xr.Dataset:
    """Skill from the members' monthly predictions: of each, or of their mean by setup."""
    setups = runs.setups(ds)
    rows = range(len(setups)) if options.of == "member" else [setups.index(s) for s in dict.fromkeys(setups)]
    place = {row: i for i, row in enumerate(rows)}
    means: dict[tuple[int, str], members.Mean] = {}
    compared: dict[str, members.Target] = {}
    scores: dict[tuple[int, str], levels.Score] = {}
    for run, (file, targets) in enumerate(members.predictions(ds, options.split)):
        row = place[run if options.of == "member" else setups.index(setups[run])]
        for target in targets:
            compared[target.name] = target
            mean = means.setdefault((row, target.name), members.Mean(target))
            mean.add(target.of(file), members.scored(target.labels(file), options.split))
            if options.of == "member":
                scores[row, target.name] = _score(means.pop((row, target.name)), options)
    scores |= {key: _score(mean, options) for key, mean in means.items()}
    names = list(compared)
    values = np.array([[scores.get((i, n), levels.NOTHING) for n in names] for i in range(len(rows))], float)
    units = [levels.unit(options.level, t.average, t.level) for t in compared.values()]
    dim = "run" if options.of == "member" else "ensemble"
    result = _dataset(dim, ds, rows, names, units, *np.moveaxis(values, -1, 0))
    if options.of == "ensemble_mean":
        counts = [c for mean in means.values() for c in mean.count[mean.count > 0]]
        result = result.assign(members=(dim, [setups.count(setups[row]) for row in rows]))
        result.attrs |= {"fewest": int(min(counts, default=0)), "most": int(max(counts, default=0))}
        result.attrs["at_a_place"] = float(np.mean(counts)) if counts else 0.0
    return result.assign_attrs(resolution="\n".join(members.resolution_note(list(compared.values()))))


def _score(mean: members.Mean, options: SkillOptions) -> levels.Score:
    scored, t = mean.count > 0, mean.target
    return levels.score(
        options.level,
        options.statistic,
        mean.of(scored),
        t.observed[:, scored],
        t.average,
        t.steps,
        t.calendar,
    )


def _dataset(
    dim: str,
    ds: xr.Dataset,
    rows: Sequence[int],
    names: list[str],
    units: list[str],
    *values: np.ndarray,
) -> xr.Dataset:
    """Skill, values compared and possible ones, [rows, names], each row called after a run and its setup."""
    of, setups = ds.isel(run=list(rows)), runs.setups(ds)
    content = dict(
        zip(("skill", "compared", "possible"), (((dim, "variable"), v) for v in values), strict=True)
    )
    return xr.Dataset(
        content | {"unit": ("variable", units), "members": (dim, np.ones(len(rows), int))},
        {
            dim: list(of["run"].values) if dim == "run" else [setups[row] for row in rows],
            "variable": names,
            "setup": (dim, [setups[row] for row in rows]),
            "label": (dim, list(of["label"].values)),
            "seed": (dim, of["seed"].values),
        },
    )


def _notes(ds: xr.Dataset, options: SkillOptions, undefined: list[str]) -> list[str]:
    """Tell what the numbers are, and on how much they rest.

    Also which are missing, and what predictors teach beside position.
    """
    s = options.statistic
    if options.of == "member":
        other = "-o of=ensemble_mean scores the mean prediction, which is another number"
        notes = [f"member: the mean over a setup's runs of each run's own {s}; {other}"]
    else:
        other = "-o of=member gives the mean of the runs' own, which is another number"
        notes = [f"ensemble mean: {s} of the mean prediction of a setup's runs; {other}"]
        if options.split != "test":
            which = "trained on it" if options.split == "withheld" else f"have it in {options.split}"
            few, many, mean = (ds.attrs[k] for k in ("fewest", "most", "at_a_place"))
            notes.append(
                f"the mean at a pixel is over the runs that {which}: {few} to {many}, on average {mean:.1f}"
            )
        alone = [str(x) for x in ds["setup"].values[ds["members"].values == 1]]
        if alone:
            notes.append(f"one run only, which is then its own mean: {', '.join(alone[:4])}")
    notes.append(
        f"{options.level}: {s} {levels.MEANINGS[options.level]}{levels.NEEDED.get(options.level, '')}"
    )
    notes.append(_coverage(ds))
    if undefined:
        why = "not observed there, too short, or the observations do not vary"
        notes.append(f"no {s}: {', '.join(undefined)} ({why})")
    notes += [line for line in ds.attrs.pop("resolution", "").splitlines() if line]
    return notes + _against_position(ds)


def _coverage(ds: xr.Dataset) -> str:
    parts: dict[str, list[str]] = {}
    for name, unit in zip(ds["variable"].values, ds["unit"].values, strict=True):
        one = ds.sel(variable=name)
        n, of = float(one["compared"].mean()), float(one["possible"].mean())
        share = f" of {of:,.0f} ({n / of:.0%})" if of > 0 else ""
        parts.setdefault(str(unit), []).append(f"{name} {n:,.0f}{share}")
    each = "" if (ds["compared"] == ds["compared"][0]).all() else ", mean of the rows"
    shares = "; ".join(f"{unit}: {', '.join(of_unit)}" for unit, of_unit in parts.items())
    return f"compared{each}: {shares}"


def _against_position(ds: xr.Dataset) -> list[str]:
    """Return a line on the largest predictor set and LATLON.

    LATLON stands for what position alone teaches.
    """
    means, labels = ds["skill"].values, ds["label"].values
    largest = max(labels, key=lambda x: x.count("+"))
    if "LATLON" not in labels or "+" not in largest:
        return []
    difference = _columns(means[labels == largest]) - _columns(means[labels == "LATLON"])
    parts = [
        f"{n} {d:+.2f}" for n, d in zip(ds["variable"].values, difference, strict=True) if np.isfinite(d)
    ]
    return [f"{largest} less LATLON: {', '.join(parts)}"] if parts else []


def _columns(x: np.ndarray) -> np.ndarray:
    """Means of the columns of [N, K] over what is there."""
    finite = np.isfinite(x)
    n = finite.sum(axis=0)
    return np.where(n > 0, np.where(finite, x, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each setup.

    Its runs, the mean of all variables, and each variable's mean over the runs, or its skill.

    Where there are several runs of a setup, also the standard deviation over them.

    The head of the runs' column says of which: runs that are scored each, or averaged and then scored.
    """
    frame = pd.DataFrame(ds["skill"].values, columns=list(ds["variable"].values))
    means = frame.groupby(ds["setup"].values, sort=False).mean()
    count = pd.Series(ds["members"].values).groupby(ds["setup"].values, sort=False).sum()
    means.insert(0, "runs scored" if ds.attrs["of"] == "member" else "runs averaged", count)
    means.insert(1, "mean", means.iloc[:, 1:].mean(axis=1))
    if ds.attrs["of"] == "member" and (count > 1).any():
        spread = frame.groupby(ds["setup"].values, sort=False).std(ddof=1)
        means = means.join(spread.add_prefix("sd of "))
    return means.rename_axis("predictors").reset_index().rename_axis(None, axis=1)


ANALYSIS = Analysis(
    name="skill",
    summary="how well each predictor set predicts each variable",
    options=SkillOptions,
    needs=needs,
    compute=compute,
    table=table,
    figure=figure,
)
