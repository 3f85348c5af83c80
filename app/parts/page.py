"""What pages have in common: their head, and what they say while there is nothing to show."""

import streamlit as st

from parts import reading, text


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
    return contents


def empty(why: str, *verbs: str) -> None:
    """Why a page has nothing to show, and the `landlab` lines that fill it: empty("No study yet:", "tune FILE")."""
    st.info(text.escaped(why))
    text.commands(reading.workspace(), *verbs)


def no_runs(contents: reading.Contents) -> bool:
    """Whether there is no run; if so, this says what to do in a workspace without one."""
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
