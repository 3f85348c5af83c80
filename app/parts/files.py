"""Files that the catalog lists: whether they are what their hashes say, and downloads of these and no others."""

from pathlib import Path

import pandas as pd
import streamlit as st

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import ArtifactRecord
from landlab_mgr.storage import artifacts, location
from landlab_mgr.workspace.display import size
from landlab_mgr.workspace.workspace import Workspace
from parts import reading, text

LARGEST = 256 * 2**20
"""A larger file is fetched with other tools than a browser."""
CHECKED = 2**30
"""So many bytes are hashed at most at a time."""


def table(files: pd.DataFrame, key: str, alt: str) -> list[int]:
    """A table of files, a row of which may be ticked; returns the places of those that are."""
    words = st.column_config.TextColumn
    first = ["run_id", "state", "bytes", "path", "sha256", "attempt"]
    if "run_id" not in files:
        first[:2] = ["kind"]
    chosen = st.dataframe(
        files,
        column_order=[c for c in first if c in files],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height="content" if len(files) <= 12 else 420,
        placeholder="–",
        column_config={
            "run_id": words("Run", width=148),
            "state": words("State", width=96),
            "kind": words("Kind", width=110),
            "path": words("Path", width="medium"),
            "sha256": words("SHA-256", width="medium"),
            "bytes": st.column_config.NumberColumn("Size", format="bytes", width=80),
            "attempt": st.column_config.NumberColumn("Attempt", width=70),
        },
        key=key,
        alt=alt,
    )
    return [row for row in chosen.selection.rows if row < len(files)]


def offer(files: pd.DataFrame, rows: list[int], key: str) -> None:
    """For a ticked file: whether it is whole, and its download; LARGEST bytes at most."""
    if not rows:
        st.caption("Tick a file to check its hash or to download it.")
        return
    row = files.iloc[rows[0]]
    record = ArtifactRecord(row["kind"], row["path"], row["sha256"], int(row["bytes"]))
    workspace = reading.workspace()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Check its hash", icon=":material/verified:", key=f"check {key}"):
            wrong = problem(workspace, record)
            st.markdown(
                f":red-badge[✕ {text.escaped(wrong)}]" if wrong else ":green-badge[✓ as catalogued]",
                width="content",
            )
        if record.bytes > LARGEST:
            st.caption(
                text.escaped(
                    f"{size(record.bytes)} are too many for a browser; it is {place(workspace, record)}"
                )
            )
        else:
            st.download_button(
                f"Download ({size(record.bytes)})",
                lambda: content(workspace, record),
                f"{row['run_id'][:8]}-{Path(record.path).name}"
                if "run_id" in row
                else Path(record.path).name,
                "application/octet-stream",
                icon=":material/download:",
                type="tertiary",
                key=f"file {key}",
                on_click="ignore",
            )


def place(workspace: Workspace, record: ArtifactRecord) -> location.Location:
    """Path of a catalogued file; LandlabError for a path that leads out of the storage."""
    path = workspace.path(record.path)
    if isinstance(path, Path) and not path.resolve().is_relative_to(Path(str(workspace.files)).resolve()):
        raise LandlabError(f"{record.path} leads out of the workspace; it is not read")
    return path


def content(workspace: Workspace, record: ArtifactRecord) -> bytes:
    """The bytes of a catalogued file; LandlabError where they are not those that were catalogued."""
    if (wrong := problem(workspace, record)) is not None:
        raise LandlabError(f"{record.path} {wrong}; `landlab doctor` says what to do")
    return location.content(place(workspace, record))


def problem(workspace: Workspace, record: ArtifactRecord) -> str | None:
    """Fault of a catalogued file, in a few words; None where it is what its hash says."""
    try:
        path = place(workspace, record)
        if artifacts.intact(record, path):
            return None
    except LandlabError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "is altered" if path.exists() else "is missing"


def check(workspace: Workspace, files: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Hash as many of these files as CHECKED bytes allow; the bad ones with what is wrong, and how many were hashed."""
    within = files["bytes"].cumsum() <= CHECKED
    some = files[within] if within.any() else files.head(1)
    wrong = [
        problem(workspace, ArtifactRecord(f.kind, f.path, f.sha256, int(f.bytes))) for f in some.itertuples()
    ]
    return some.assign(problem=wrong)[[w is not None for w in wrong]], len(some)
