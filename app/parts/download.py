"""Buttons that save what a page shows: tables as CSV; figures as PNG and SVG with their provenance inside.

Files are made when somebody asks for one, not each time that the page is drawn.
"""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from landlab_mgr.storage import figures
from landlab_mgr.workspace.display import csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ICON = ":material/download:"
MIME = {"png": "image/png", "svg": "image/svg+xml"}


def table(frame: pd.DataFrame | Callable[[], pd.DataFrame], name: str, label: str = "Download CSV") -> None:
    """A button for a table as CSV, full precision, without its index.

    `frame` may be a function that makes it, called when the button is; the file is called after `name`, which is to be
    the only one of its kind on the page.
    """

    def content() -> bytes:
        made = frame() if callable(frame) else frame
        return csv(made).encode()

    st.download_button(
        label,
        content,
        file_name(name, "csv"),
        "text/csv",
        key=f"csv {name}",
        icon=ICON,
        type="tertiary",
        on_click="ignore",
    )


def figure(draw: Callable[[], "Figure"], provenance: Callable[[], Mapping[str, Any]], name: str) -> None:
    """Buttons for a matplotlib figure as PNG and as SVG, side by side; `landlab trace FILE` reads the provenance.

    `draw` and `provenance` are called when a button is; `name` is as of `table`. A plotly figure goes through
    `picture.drawn`; `provenance.of_runs` says what a figure of runs is to say.
    """
    with st.container(horizontal=True, gap="small", width="content"):
        for kind, mime in MIME.items():
            st.download_button(
                f"Download {kind.upper()}",
                _saver(draw, provenance, kind),
                file_name(name, kind),
                mime,
                key=f"{kind} {name}",
                icon=ICON,
                type="tertiary",
                on_click="ignore",
            )


def _saver(
    draw: Callable[[], "Figure"], provenance: Callable[[], Mapping[str, Any]], kind: str
) -> Callable[[], bytes]:
    def content() -> bytes:
        return saved(draw(), provenance(), kind)

    return content


def saved(drawn: "Figure", provenance: Mapping[str, Any], kind: str) -> bytes:
    """A figure as a file of this kind ("png", "svg" or "pdf"), as `landlab analyse --figure` writes it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"figure.{kind}"
        figures.save(drawn, path, provenance)
        return path.read_bytes()


def file_name(name: str, suffix: str) -> str:
    """A name for a file, whatever the thing in it is called."""
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('-.') or 'landlab'}.{suffix}"


def names(run_ids: Sequence[str]) -> str:
    """Runs as a caption names them: the first few by the start of their ids."""
    shown = ", ".join(run_id[:8] for run_id in run_ids[:4])
    return shown if len(run_ids) <= 4 else f"{shown} and {len(run_ids) - 4} more"
