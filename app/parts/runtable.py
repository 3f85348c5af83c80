"""The table of runs for people: what its columns are called, which of them are shown at first, in which order."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from landlab_mgr.catalog.export import column_of
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec import fields
from parts import text

ORDERS = {
    "": "as registered",
    "-updated": "changed last",
    "dev_loss": "dev loss, lowest first",
    "train_loss": "train loss, lowest first",
    "label": "predictors",
    "seed": "seed",
}
"""Orders of a table, in words; a minus is for largest first. Fields and skills join them."""

ELSEWHERE = ("dataset", "predictors", "optimizer.epochs", "seeds.init")
"""Fields of a specification that the table has in columns of its own."""


def orders(runs: pd.DataFrame, chosen: Sequence[str] = ()) -> dict[str, str]:
    """By what these runs may be sorted; `chosen` are columns that a reader added."""
    by_field = {c: c for c in (*specified(runs), *chosen)}
    largest = (*skills(runs), *chosen)
    return ORDERS | by_field | {f"-{c}": f"{name(c)}, highest first" for c in largest}


def ordered(runs: pd.DataFrame, order: str) -> pd.DataFrame:
    """The runs in an order of `orders`; those without a value come last."""
    if not order:
        return runs
    column = order.removeprefix("-")
    return runs.sort_values(
        column, ascending=column == order, kind="stable", na_position="last", ignore_index=True
    )


def skills(runs: pd.DataFrame) -> list[str]:
    """The columns of skill."""
    return [c for c in runs.columns if c.startswith("dev.")]


def with_fields(runs: pd.DataFrame, differing: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column for each field of their specifications in which they differ."""
    return pd.concat([runs, differing[[c for c in differing if c not in ELSEWHERE]]], axis="columns")


def specified(runs: pd.DataFrame) -> list[str]:
    """The columns of fields of the specification."""
    return [c for c in runs.columns if c in fields.fields() and c not in ELSEWHERE]


def readable(runs: pd.DataFrame) -> pd.DataFrame:
    """The table as it is shown: states with their sign, progress as text."""
    done = zip(runs["epochs"], runs["epochs_planned"], strict=True)
    return runs.assign(state=runs["state"].map(text.state), epochs=[f"{a} / {b}" for a, b in done]).drop(
        columns=["epochs_planned"]
    )


def every(runs: pd.DataFrame) -> list[str]:
    """All columns, in the order in which they are shown."""
    first = ["state", "label", *specified(runs), "seed", "epochs", "dev_loss", "train_loss"]
    last = ["tags", "outcome", "message", "grids", "dataset", "created", "updated", "run_id"]
    return [*first, *skills(runs), *last]


def others(runs: pd.DataFrame) -> list[str]:
    """Fields in which these runs are all the same, which may be columns too."""
    return [c for c in fields.fields() if c not in runs and c not in ELSEWHERE]


def known(column: str) -> bool:
    """Check if a name is one of a field or a metric."""
    try:
        column_of(column)
    except LandlabError:
        return False
    return True


def shown(runs: pd.DataFrame) -> list[str]:
    """The columns that are shown at first: what all rows have in common is left out."""
    hidden = {"created", "outcome", "seeds.split", "seeds.shuffle"} | {
        c for c in ("grids", "dataset") if runs[c].nunique() <= 1
    }
    if runs["message"].isna().all():
        hidden.add("message")
    if not runs["tags"].any():
        hidden.add("tags")
    return [c for c in every(runs) if c not in hidden]


def name(column: str) -> str:
    """Heading of a column."""
    if column.startswith("dev."):
        return f"R² {text.name(column.split('.')[1])}"
    return NAMES.get(column, column)


NAMES = {
    "state": "State",
    "label": "Predictors",
    "seed": "Seed",
    "epochs": "Epochs",
    "dev_loss": "Dev loss",
    "train_loss": "Train loss",
    "tags": "Tags",
    "outcome": "How it ended",
    "message": "Last problem",
    "grids": "Grids",
    "dataset": "Dataset",
    "created": "Registered (UTC)",
    "updated": "Changed (UTC)",
    "run_id": "Run",
}


def columns(runs: pd.DataFrame) -> dict:
    """Names and formats of the columns, for `st.dataframe`."""
    number, words, time = (
        st.column_config.NumberColumn,
        st.column_config.TextColumn,
        st.column_config.DatetimeColumn,
    )
    config = {
        "state": words(width=112),
        "label": words(width="medium"),
        "seed": number(width=60),
        "epochs": words(width=84, help="Committed of planned"),
        "dev_loss": number(format="%.4g", width=88),
        "train_loss": number(format="%.4g", width=88),
        "tags": words(width=110),
        "outcome": words(width=96),
        "message": words(width="medium"),
        "grids": words(width=110),
        "dataset": words(width=130),
        "created": time(format="YYYY-MM-DD HH:mm", width=140),
        "updated": time(format="YYYY-MM-DD HH:mm", width=140),
        "run_id": words(width=148),
    }
    for column in specified(runs):
        config[column] = (number if fields.fields()[column].kind == "number" else words)(width="small")
    for column in skills(runs):
        config[column] = number(format="%.2f", width=84, help=f"{column}: on the dev pixels")
    for column in config:
        config[column]["label"] = name(column)
    for column in specified(runs):
        table, _, last = column.rpartition(".")
        config[column]["label"] = f"weight {last}" if table == "loss_weights" else last
        config[column]["help"] = column
    return config
