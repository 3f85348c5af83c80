"""Several runs beside each other: groups of them, their learning curves and skill, and what differs between them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

MOVING = (
    "run_id",
    "state",
    "epochs",
    "epochs_planned",
    "train_loss",
    "dev_loss",
    "outcome",
    "message",
    "created",
    "updated",
)
"""Columns of `Catalog.table` that tell what became of a run, not what it asked for."""
MOST_GROUPS = 21
POINTS = 400
"""More points than these of a curve nobody sees."""
LISTED = 4
"""Up to so many values are listed in a cell of what differs; of more, the extremes."""


def settings(table: pd.DataFrame) -> list[str]:
    """Settings of runs and where they belong: the columns that may tell them apart."""
    beside = (*MOVING, "label", "setup", "seed")
    return [c for c in table.columns if c not in beside and not c.startswith("metrics.")]


def floor(values: pd.Series, statistic: str) -> float | None:
    """Below what a figure need not tell values apart: an efficiency of -1 is as bad as one of -70."""
    return -1.0 if statistic == "R2" and (values < -1).any() else None


def differing(table: pd.DataFrame) -> list[str]:
    """The settings in which the runs are not all the same; missing is a value of its own."""
    return [c for c in settings(table) if _words(table[c]).nunique() > 1]


def _words(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "–").astype(str)


def groupings(table: pd.DataFrame) -> list[str]:
    """By what the runs may be grouped: setups, the fields in which they differ, each run for itself."""
    few = [c for c in differing(table) if c != "seeds.init" and _words(table[c]).nunique() <= MOST_GROUPS]
    alone = ["run_id"] if len(table) <= MOST_GROUPS else []
    return ["setup", *few, *alone]


def default(table: pd.DataFrame) -> list[str]:
    """By what the runs are grouped unless a reader says otherwise: setups, or predictors where those are too many."""
    return ["setup"] if table["setup"].nunique() <= MOST_GROUPS else ["predictors"]


def groups(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """The group of each run by its id, in the order of the table; runs of a group are alike in all of `by`."""
    if "run_id" in by:
        names = table["setup"] + " seed " + table["seed"].astype(str) + " · " + table["run_id"].str[:8]
    elif "setup" in by or not by:
        names = table["setup"] if by else pd.Series("all", index=table.index)
    else:
        names = _words(table[by[0]])
        if len(by) > 1:
            parts = [c.rpartition(".")[2] + " " + _words(table[c]) for c in by]
            names = parts[0].str.cat(parts[1:], sep=", ")
    return pd.Series(names.to_numpy(), index=table["run_id"])


def pooled(table: pd.DataFrame, group: pd.Series) -> list[str]:
    """Settings other than seeds in which runs of one group differ: what a mean over it mixes."""
    of = table["run_id"].map(group)
    return [
        c
        for c in differing(table)
        if c not in ("tags", "grids", "fingerprint")
        and not c.startswith("seeds.")
        and (_words(table[c]).groupby(of.to_numpy()).nunique() > 1).any()
    ]


def weights_differ(table: pd.DataFrame) -> bool:
    """Check if the runs weigh their loss terms differently, so that their losses do not compare."""
    return any(c.startswith("loss_weights.") for c in differing(table))


def unweighted(epochs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Curves with each term divided by its run's weight; totals, which are sums of weighted terms, are left out."""
    weights = table.set_index("run_id")
    plain = epochs.drop(columns=["total", "dev"]).copy()
    for term in terms(epochs):
        if f"loss_weights.{term}" not in weights:
            continue
        of_run = epochs["run_id"].map(weights[f"loss_weights.{term}"]).replace(0, np.nan)
        for column in {term, f"dev_{term}"} & {*plain}:
            plain[column] = plain[column] / of_run
    return plain


def curve(epochs: pd.DataFrame, group: pd.Series, column: str) -> pd.DataFrame:
    """Mean and range over the runs of each group: group, epoch, mean, low, high, n; at most POINTS epochs of a group.

    `epochs` are curves as `reading.curves` gives them; a value that is not finite is left out.
    """
    there = epochs.loc[np.isfinite(epochs[column].astype(float)), ["run_id", "epoch", column]]
    there = there.assign(group=there["run_id"].map(group)).dropna(subset="group")
    found = there.groupby(["group", "epoch"], sort=True)[column].agg(["mean", "min", "max", "count"])
    found = found.rename(columns={"min": "low", "max": "high", "count": "n"}).reset_index()
    thin = [part.iloc[_places(len(part))] for _, part in found.groupby("group", sort=False)]
    return pd.concat(thin, ignore_index=True) if thin else found


def _places(count: int) -> np.ndarray:
    """Places of at most POINTS of so many values, evenly spread, the first and last among them."""
    if count <= POINTS:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, POINTS).round().astype(int))


def skills(table: pd.DataFrame, group: pd.Series, split: str, statistic: str) -> pd.DataFrame:
    """One statistic of every variable, a row for each run that has it: variable, group, run_id, seed, value."""
    ends = f".{statistic}.flat"
    rows = []
    for column in table.columns:
        if not (column.startswith(f"metrics.{split}.") and column.endswith(ends)):
            continue
        variable = column.removeprefix(f"metrics.{split}.").removesuffix(ends)
        part = table.loc[np.isfinite(table[column]), ["run_id", "seed", column]]
        rows.append(part.rename(columns={column: "value"}).assign(variable=variable))
    if not rows:
        return pd.DataFrame(columns=["variable", "group", "run_id", "seed", "value"])
    found = pd.concat(rows, ignore_index=True)
    found["group"] = found["run_id"].map(group)
    return found[["variable", "group", "run_id", "seed", "value"]]


def summary(skills: pd.DataFrame) -> pd.DataFrame:
    """Over the runs of each group: variable, group, n, median, mean, sd, lowest, highest."""
    found = skills.groupby(["variable", "group"], sort=False)["value"]
    named = found.agg(n="count", median="median", mean="mean", sd="std", lowest="min", highest="max")
    return named.reset_index()


def differences(table: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """A row for each setting that differs, a column for each group: its value, or those of its runs."""
    of = table["run_id"].map(group)
    names = list(dict.fromkeys(of))
    rows = [
        {"what": column} | {name: _values(table.loc[of == name, column]) for name in names}
        for column in differing(table)
    ]
    return pd.DataFrame(rows, columns=["what", *names])


def _values(values: pd.Series) -> str:
    distinct = sorted({"–" if pd.isna(v) else v for v in values}, key=lambda v: (isinstance(v, str), v))
    if len(distinct) <= LISTED:
        return ", ".join(_short(v) for v in distinct)
    return f"{_short(distinct[0])} … {_short(distinct[-1])} ({len(distinct)} values)"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def terms(epochs: pd.DataFrame) -> list[str]:
    """Terms of the loss that the curves hold."""
    rest = ("run_id", "epoch", "total", "dev", "seconds")
    return [c for c in epochs.columns if c not in rest and not c.startswith("dev_")]


def column_of(term: str, split: str) -> str:
    """The column of `reading.curves` that holds a term ("total" or one) on train or dev."""
    if split == "dev":
        return "dev" if term == "total" else f"dev_{term}"
    return term


def names(group: pd.Series) -> Sequence[str]:
    """The groups, in the order of the table."""
    return list(dict.fromkeys(group))
