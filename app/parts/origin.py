"""Every picture names its runs: what a figure's file says of its making, and the same for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from parts import download, reading, text


def of_runs(run_ids: Sequence[str], datasets: Sequence[str], page: str) -> dict[str, Any]:
    """Provenance in the file of a figure of runs: the runs, the datasets by name, where the catalog is, which code.

    `page` is the address of the page that shows it, without the server: "run?run=..." for one.
    """
    from landlab_mgr import analysis  # matplotlib and more, which drawing needs anyway

    workspace = reading.workspace()
    with workspace.open(read_only=True) as catalog:
        return analysis.origin(workspace, catalog, {*datasets}) | {"runs": list(run_ids), "page": page}


def show(facts: Mapping[str, object], run_ids: Sequence[str], name: str) -> None:
    """Provenance of a picture, folded away: facts in words, the runs as a table, and where to go on.

    `name` is that of the files to be saved, the only one of its kind on the page.
    """
    with st.expander(f"Provenance ({len(run_ids)} run{'s' * (len(run_ids) != 1)})"):
        lines = [f":gray[{text.escaped(k)}]  \n{text.escaped(v)}" for k, v in facts.items() if v is not None]
        with st.container(horizontal=True, gap="medium"):
            for line in lines:
                st.markdown(line, width="content")
        if not run_ids:
            return
        table = pd.DataFrame({"run_id": list(run_ids)})
        st.dataframe(
            table,
            hide_index=True,
            height="content" if len(table) <= 8 else 260,
            column_config={"run_id": st.column_config.TextColumn("Run")},
            key=f"runs of {name}",
            alt="Runs that this rests on",
        )
        with st.container(horizontal=True):
            download.table(table, f"{name} runs")
            if (filter := filter_of(run_ids)) is not None:
                st.page_link(
                    "views/runs.py",
                    label="Open these runs",
                    icon=":material/table_rows:",
                    query_params={"filter": filter},
                )


def filter_of(run_ids: Sequence[str]) -> str | None:
    """The filter that finds these runs; None where it would be too long for an address."""
    asked = f"run in ({', '.join(repr(str(run_id)) for run_id in run_ids)})"
    return asked if run_ids and len(asked) <= 1900 else None
