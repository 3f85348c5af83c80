"""Local calibration by processes of rising complexity: skill of the best restart at each place. JAX-free.

After Fang & Gentine (2024, doi:10.1029/2024MS004308): every place has parameters and learned processes of its own, and
members are restarts. At each place the restart with the best training skill speaks for its setup; what it predicts of
the withheld steps tells whether more learned weights serve.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import Field

from landlab_mgr.analysis import runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.complexity import figure
from landlab_mgr.analysis.of_models import in_order
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations import metrics
from landlab_mgr.spec.run import RunSpec

Values = npt.NDArray[np.floating]

PERIODS = {"train": "observation", "withheld": "withheld"}
"""Parts of a record, and how the runs' files call them."""
COLUMNS = ("site", "configuration", "variable", "part", "nse")
"""Columns of a file of published skill."""
TEST = "test"
"""Part of such a file that is our withheld one."""


class ComplexityOptions(Options):
    """Options: published skill to compare with."""

    published: str = Field(
        "", description=f"CSV of published skill with the columns {', '.join(COLUMNS)} (part: train or test)"
    )
    names: str = Field(
        "",
        description="how it calls what is here, as theirs=ours with commas between: choices of processes, and "
        "variables",
    )


def check(ds: xr.Dataset, options: ComplexityOptions) -> None:
    """LandlabError for runs that are no local calibration or withhold no steps, and for an unreadable file."""
    for run_id, spec in zip(ds["run"].values, runs.specs(ds), strict=True):
        if getattr(spec.network, "kind", "") != "free":
            raise LandlabError(
                f"run {str(run_id)[:8]} has one network for all places; this is about local calibration: choose runs "
                "of network.kind = 'free'"
            )
        if spec.split.kind != "years":
            raise LandlabError(
                f"run {str(run_id)[:8]} withholds no steps (split.kind = {spec.split.kind!r}); choose runs of "
                "split.kind = 'years'"
            )
    _published(options)


def compute(ds: xr.Dataset, options: ComplexityOptions) -> xr.Dataset:
    """`skill` [setup, variable, part, place] (Nash-Sutcliffe) of the restart chosen at each place.

    A restart is chosen by its training skill alone, summed over the variables. `weights` [setup] counts what the
    processes learn at a place, `spread` [setup, variable, part, place] is the sd over restarts, and `published` has
    the file's values, NaN where it has none. LandlabError where runs leave no skill of places.
    """
    check(ds, options)
    names, specs = runs.setups(ds), runs.specs(ds)
    places = runs.places(ds)
    skill: dict[str, Values] = {}
    for row, file in enumerate(runs.files(ds, "skill")):
        if not {*PERIODS.values()} <= {*map(str, file["period"].values if "period" in file else ())}:
            continue
        for name in (str(n) for n in file.data_vars if n != "split"):
            own = file[name].sel(period=list(PERIODS.values()), statistic="R2").transpose("period", "pixel")
            skill.setdefault(name, np.full((len(names), len(PERIODS), len(places)), np.nan))[row] = own.values
    if not skill:
        raise LandlabError("the runs' files have no skill of withheld steps by place; train them again")
    variables = in_order(list(skill))
    of_runs = np.stack([skill[v] for v in variables], axis=1)  # [run, variable, part, place]
    loss = losses(of_runs[:, :, 0])
    of_setup = {s: specs[names.index(s)] for s in dict.fromkeys(names)}
    weights = {s: _weights(spec) for s, spec in of_setup.items()}
    setups = sorted(of_setup, key=lambda s: weights[s])
    words = [{*of_setup[s].processes.values(), *s.replace(",", " ").split()} for s in setups]
    best, spread, chosen = [], [], []
    for setup in setups:
        rows = np.flatnonzero([name == setup for name in names])
        first = rows[loss[rows].argmin(axis=0)]
        chosen.append(ds["seed"].values[first])
        best.append(np.moveaxis(of_runs[first, :, :, np.arange(len(places))], 0, -1))
        spread.append(of_runs[rows].std(axis=0))
    dims = ("setup", "variable", "part", "place")
    return xr.Dataset(
        {
            "skill": (dims, np.stack(best).astype(np.float32)),
            "spread": (dims, np.stack(spread).astype(np.float32)),
            "published": (dims, _beside(options, words, variables, places)),
            "chosen": (("setup", "place"), np.stack(chosen)),
            "weights": ("setup", [weights[s] for s in setups]),
            "restarts": ("setup", [names.count(s) for s in setups]),
        },
        {"setup": setups, "variable": variables, "part": list(PERIODS), "place": places},
        options.model_dump() | {"synthetic": ds.attrs["synthetic"]},
    )


def losses(r2: Values) -> Values:
    """Sum 1 - R2 over variables, [run, place], of R2 in training [run, variable, place].

    No skill where another run has some is the worst; where none has, the variable counts for nothing.
    """
    scored = np.isfinite(r2).any(axis=0)
    return np.where(np.isfinite(r2), 1 - r2, np.where(scored, np.inf, 0.0)).sum(axis=1)


def _weights(spec: RunSpec) -> int:
    from landlab_mgr.prediction import untrained  # knows the processes, and with them JAX

    return untrained.weights_of_a_place(spec)


def _published(options: ComplexityOptions) -> pd.DataFrame:
    """Read the file of published skill, in our names; empty without one."""
    if not options.published:
        return pd.DataFrame(columns=list(COLUMNS))
    path = Path(options.published).expanduser()
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise LandlabError(f"option published: {path} cannot be read as CSV: {error}") from None
    if missing := [name for name in COLUMNS if name not in table]:
        raise LandlabError(
            f"option published: {path} has no column {missing[0]}; it needs {', '.join(COLUMNS)}"
        )
    ours = _renamed(options.names)
    for column in ("configuration", "variable"):
        table[column] = [ours.get(str(x), str(x)) for x in table[column]]
    table["variable"] = table["variable"].str.lower()
    table["part"] = table["part"].replace({TEST: "withheld"})
    return table


def _renamed(names: str) -> Mapping[str, str]:
    pairs = [pair.strip().partition("=") for pair in names.split(",") if pair.strip()]
    for theirs, equals, ours in pairs:
        if not equals or not ours:
            raise LandlabError(f"option names: {theirs!r} is no pair; write theirs=ours, with commas between")
    return {theirs.strip(): ours.strip() for theirs, _, ours in pairs}


def _beside(
    options: ComplexityOptions, words: list[set[str]], variables: list[str], places: list[str]
) -> Values:
    """Return published skill [setup, variable, part, place], NaN where there is none.

    A configuration is of the setup that has its name among its words.
    """
    values = np.full((len(words), len(variables), len(PERIODS), len(places)), np.nan, np.float32)
    table = _published(options)
    parts = list(PERIODS)
    for row in table[list(COLUMNS)].itertuples(index=False):
        if row.variable in variables and row.part in parts and str(row.site) in places:
            at = variables.index(row.variable), parts.index(row.part), places.index(str(row.site))
            for k, own in enumerate(words):
                if row.configuration in own:
                    values[k, *at] = row.nse
    return values


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each setup and variable: medians over places, and those published of the same places."""
    rows = []
    with_published = bool(np.isfinite(ds["published"]).any())
    for setup in ds["setup"].values:
        one = ds.sel(setup=setup)
        for variable in ds["variable"].values:
            own = one.sel(variable=variable)
            row = {
                "setup": setup,
                "learned weights": int(one["weights"]),
                "variable": variable,
                "places": int(np.isfinite(own["skill"].sel(part="withheld")).sum()),
            }
            for part in PERIODS:
                row[part] = metrics.median(own["skill"].sel(part=part).values)
                if with_published:
                    row[f"{part}, published"] = metrics.median(own["published"].sel(part=part).values)
            rows.append(row)
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="complexity",
    summary="does a more complex process serve: local calibration, train and withheld skill by place",
    options=ComplexityOptions,
    needs=lambda options: Needs(("train", "withheld"), files={"skill": ()}),
    check=check,
    compute=compute,
    table=table,
    figure=figure,
)
