"""Words on pages: catalog text made harmless, units as people write them, errors, commands."""

import functools
import re
from collections.abc import Callable

import pandas as pd
import streamlit as st

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.variables import Variable
from landlab_mgr.workspace.workspace import Workspace

STATES = {
    "completed": ("✓", "green"),
    "running": ("▶", "blue"),
    "pending": ("○", "gray"),
    "failed": ("✕", "red"),
    "cancelled": ("–", "orange"),
}
"""States of runs in the order in which they are counted: a sign, so that colour is not all, and a colour."""

FILLS = {
    "completed": "#009E73",
    "running": "#56B4E9",
    "pending": "#B8C0C9",
    "failed": "#D55E00",
    "cancelled": "#E69F00",
}
"""Colours of areas by state, of Okabe & Ito's: dark signs are read on each, on a light page and on a dark one."""

_SUPERSCRIPT = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")


def state(name: str) -> str:
    """A state with its sign."""
    return f"{STATES[name][0]} {name}"


def about(name: str) -> Variable | None:
    """The variable of this name, or the one that the stream of this name observes; None for any other name."""
    stream = registry.streams().get(name)
    return registry.variables().get(stream.variable if stream else name)


def name(variable: str) -> str:
    """A variable as figures and tables name it: GPP, and GPP fluxnet for a stream of it."""
    known = about(variable)
    if known is None:
        return variable
    rest = variable.removeprefix(known.name).strip("_").replace("_", " ")
    return f"{known.symbol or known.name} {rest}".strip()


def unit(unit: str) -> str:
    """A unit with its exponents raised: gC m-2 d-1 becomes gC m⁻² d⁻¹; a dimensionless one is empty."""
    if unit == "1":
        return ""
    raised = re.sub(r"(?<=[A-Za-z])\^?(-?\d[\d.]*)", lambda m: m[1].translate(_SUPERSCRIPT), unit)
    return raised.replace("degC", "°C")


def quantity(variable: str, its_unit: str) -> str:
    """Name and unit, as on an axis: GPP (gC m⁻² d⁻¹)."""
    return f"{name(variable)} ({unit(its_unit)})" if unit(its_unit) else name(variable)


def number(value: float) -> str:
    """Four digits, large ones without an exponent: 109,300 and 0.01234."""
    return f"{float(f'{value:.4g}'):,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def count(number: int, what: str) -> str:
    """A number of things: 1 run, 2 runs, 10,000 runs."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def setups(predictors: pd.Series, variants: pd.Series) -> pd.Series:
    """Differences of setups, in words: their predictors, what the grid's axes set ("" for nothing), or both."""
    if predictors.nunique() < 2 and (variants != "").all():
        return variants
    return predictors.where(variants == "", predictors + " · " + variants)


def escaped(content: object) -> str:
    """Text from the catalog or the user for a place that reads Markdown, where it shall mean nothing."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])", r"\\\1", str(content)).replace("\n", "  \n")


def fenced(content: str) -> str:
    """Text as a block of code in Markdown, out of which no run of backticks can break."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", content)), default=0))
    return f"{fence}text\n{content}\n{fence}"


def problem(error: LandlabError) -> None:
    """An error that users are meant to read, in one block; what follows its first line keeps its columns."""
    first, _, rest = str(error).partition("\n")
    st.error(escaped(first) + (f"\n\n{fenced(rest)}" if rest else ""), icon=":material/error:")


def guarded(part: Callable[..., None]) -> Callable[..., None]:
    """A part of a page that says its errors itself: when a fragment runs again, nothing is around it to do so."""

    @functools.wraps(part)
    def shown(*arguments: object) -> None:
        try:
            part(*arguments)
        except LandlabError as error:
            problem(error)

    return shown


DIVERGED = (
    "A run that diverged (nan) does so again with the same seed: lower optimizer.learning_rate or "
    "optimizer.clip_norm in a grid of another name, or go on without it."
)


def commands(workspace: Workspace, *verbs: str) -> None:
    """Lines to copy into a shell, on this workspace."""
    st.code("\n".join(f"landlab {verb} -w {workspace.root}" for verb in verbs), language="shell")
