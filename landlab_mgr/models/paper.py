"""Items of a paper that a model reproduces, as data: figures and tables, and the numbers printed in them. JAX-free."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FULLEST = "{fullest}"
"""In `Number.where`: the predictor set with the most groups of the runs."""


@dataclass(frozen=True)
class Number:
    """One number of an item, and the cell of the analysis' table that answers it."""

    name: str
    """Name of the quantity, as the page shows it."""
    column: str | tuple[str, ...]
    """Column, or several of which the first that the table has counts."""
    where: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Values of other columns that choose the row; of several, the first that the table has."""
    published: str = ""
    """Number that the paper prints; "" where it is not given here."""
    spread: str = ""
    """Column with the spread over members, in which {column} stands for the one above."""
    total: bool = False
    """True for the sum of all the columns."""
    scale: float = 1.0
    """Factor from the table's unit to the paper's."""


@dataclass(frozen=True)
class Item:
    """A figure or table of a paper: the analysis that makes it, with its options and numbers."""

    label: str
    """Number of the figure or table in the paper."""
    title: str
    analysis: str
    options: Mapping[str, str] = field(default_factory=dict)
    variables: tuple[str | tuple[str, ...], ...] = ()
    """Variables for the option of that name, those that the data have; of several, the first that they have."""
    numbers: tuple[Number, ...] = ()
    runs: Literal["all", "fullest"] = "fullest"
    """Runs that it is of: all of the grid, or those of the setup with the most predictor groups."""
    groups: str = ""
    """Predictor set that it is of instead, where the grid has it, such as A+B."""


@dataclass(frozen=True)
class Paper:
    """A paper and its items, in order."""

    citation: str
    items: tuple[Item, ...]
