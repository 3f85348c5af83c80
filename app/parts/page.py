"""Parts that pages have in common: their head, and what they say while there is nothing to show."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from parts import reading, text

LIVE = "5s"
"""Time after which a page is drawn again while runs go on."""
IDLE = "10s"
"""Time between two looks of a page at what started, or is new."""


def header(title: str) -> reading.Contents:
    """Title of a page and, in one line, the workspace and its datasets, synthetic ones marked as such.

    Returns what the catalog holds. LandlabError, which Home shows, where there is no catalog that can be read.
    """
    workspace = reading.workspace()
    st.title(title, anchor=False)
    contents = reading.contents(str(workspace.root), workspace.database)
    said = [text.escaped(str(workspace.root))]
    said += [
        text.escaped(d.name) + (" :orange-badge[synthetic data]" if d.kind == "synthetic" else "")
        for d in contents.datasets[:4]
    ]
    if len(contents.datasets) > 4:
        said.append(f"{len(contents.datasets) - 4} more datasets")
    st.caption(" · ".join(said))
    watch(what_there_is())
    return contents


def what_there_is() -> tuple[object, ...]:
    """State that a page is drawn for: runs that go on, and the number of things of each kind.

    While nothing goes on every change of the catalog counts; runs that go on are followed by the pages about them.
    """
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database
    contents = reading.contents(*at)
    numbers = [len(reading.recorded(*at, what)) for what in ("studies", "ensembles", "analyses")]
    still = None if contents.going else reading.version(*at)
    return contents.going > 0, len(contents.datasets), len(contents.grids), *numbers, still


def watch(seen: tuple[object, ...]) -> None:
    """Draw the page again once there is more, or less, than was seen."""

    def look() -> None:
        if what_there_is() != seen:
            st.rerun()

    st.fragment(text.guarded(look), run_every=IDLE)()


def live(title: str, body: Callable[[], None]) -> None:
    """A page on runs: its head, and a body that is drawn again every few seconds while runs go on."""
    contents = header(title)
    if not no_runs(contents):
        _follow(body, contents.going > 0)


def _follow(body: Callable[[], None], going: bool) -> None:
    def drawn() -> None:
        workspace = reading.workspace()
        if going != (reading.contents(str(workspace.root), workspace.database).going > 0):
            st.rerun()  # the page follows, or stops following
        body()

    st.fragment(text.guarded(drawn), run_every=LIVE if going else None)()


def empty(why: str, *verbs: str) -> None:
    """Reason why a page is empty, and the `landlab` lines that fill it: empty("No study yet:", "tune FILE")."""
    st.info(text.escaped(why))
    text.commands(reading.workspace(), *verbs)


def numbers(table: pd.DataFrame) -> dict:
    """Column settings that show fractions with four digits."""
    return {
        str(column): st.column_config.NumberColumn(str(column), format="%.4g")
        for column in table.columns
        if table[column].dtype.kind == "f"
    }


def no_runs(contents: reading.Contents) -> bool:
    """True where there is no run; then this says what to do in a workspace without one."""
    if contents.runs:
        return False
    if not contents.datasets:
        empty(
            "This workspace holds no dataset yet. Bring real towers, or make a synthetic planet:",
            *("data import fluxval DIR --predictors CSV", "data twin --patches 24", "demo --quick"),
        )
        return True
    names = ", ".join(d.name for d in contents.datasets)
    empty(
        f"No grid of experiments is registered yet; datasets: {names}. Register one, and run it:",
        *("grid register experiments/fluxval.toml", "run"),
    )
    return True
