"""Runs: filter them, see where they stand, open one."""

import pandas as pd
import streamlit as st

from landlab_mgr.catalog import GrammarError
from landlab_mgr.catalog.filter import KNOWN_FIELDS
from parts import address, reading, text

EXAMPLES = (
    "status = 'failed'",
    "setup.groups = 'PFT+CLIM' and seed < 5",
    "metrics.dev.lai.r2 > 0.8 or grid in ('twin', 'fluxval')",
    "setup.groups like '%SOIL%' and not status in ('pending', 'running')",
)
LAST_GOOD = "the last filter that could be read"


def page() -> None:
    workspace = reading.workspace()
    st.title("Runs", anchor=False)
    contents = reading.contents(str(workspace.root), workspace.database)
    said = [text.escaped(str(workspace.root))]
    said += [
        text.escaped(d.name) + (" :orange-badge[synthetic data]" if d.kind == "synthetic" else "")
        for d in contents.datasets
    ]
    st.caption(" · ".join(said))
    if not contents.runs:
        nothing_yet(contents)
        return
    filter = ask()
    going = reading.runs(str(workspace.root), workspace.database, "status = 'running'")
    table = st.fragment(text.guarded(show), run_every=None if going.empty else "5s")
    table(filter)


def nothing_yet(contents: reading.Contents) -> None:
    """What to do in a workspace without a run."""
    workspace = reading.workspace()
    if not contents.datasets:
        st.info("This workspace holds no dataset yet. Bring real towers, or make a synthetic planet:")
        text.commands(
            workspace, "data import fluxval DIR --predictors CSV", "data twin --patches 24", "demo --quick"
        )
        return
    names = ", ".join(d.name for d in contents.datasets)
    st.info(
        text.escaped(
            f"No grid of experiments is registered yet; datasets: {names}. Register one, and run it:"
        )
    )
    text.commands(workspace, "grid register experiments/fluxval.toml", "run")


def ask() -> str:
    """The filter that is asked for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        address.restore("filter", default="")
        filter = st.text_input(
            "Filter",
            key="filter",
            placeholder="metrics.dev.lai.r2 > 0.8 and setup.groups = 'PFT+CLIM'",
            icon=":material/search:",
        )
        address.keep("filter", default="")
        with st.popover("How to filter", icon=":material/help:"):
            st.markdown(
                "Join comparisons with `and`, `or`, `not` and parentheses. Text is in quotes. For example:"
            )
            st.code("\n".join(EXAMPLES), language=None, wrap_lines=True)
            st.markdown("Fields:")
            st.code(KNOWN_FIELDS.replace(", ", "\n"), language=None)
    return filter.strip()


def show(filter: str) -> None:
    """Counts, table and download of the runs that the filter holds for; the last good ones if it cannot be read."""
    workspace = reading.workspace()
    try:
        runs = reading.runs(str(workspace.root), workspace.database, filter)
        st.session_state[LAST_GOOD] = filter
    except GrammarError as error:
        text.problem(error)
        filter = st.session_state.get(LAST_GOOD, "")
        runs = reading.runs(str(workspace.root), workspace.database, filter)
        st.caption(text.escaped(f"Still shown: {filter}") if filter else "Still shown: all runs")
    if runs.empty:
        st.info("No run matches this filter. The button beside it lists fields and examples.")
        return
    counts = runs["state"].value_counts()
    with st.container(horizontal=True, vertical_alignment="center"):
        badges = [
            f":{colour}-badge[{sign} {counts[name]} {name}]"
            for name, (sign, colour) in text.STATES.items()
            if name in counts
        ]
        st.markdown(f"**{len(runs)} run{'s' * (len(runs) != 1)}** {' '.join(badges)}", width="content")
        st.space("stretch")
        st.download_button(
            "Download CSV",
            runs.to_csv(index=False),
            "runs.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    chosen = st.dataframe(
        readable(runs),
        column_config=columns(runs),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="–",
        height="content" if len(runs) <= 20 else 720,
        key="runs",
    )
    st.caption(
        "Tick a row to open its run. Losses are of the last epoch, weighted and per pixel; R² is Nash–Sutcliffe."
    )
    if chosen.selection.rows:
        kept = {"filter": filter} if filter else {}
        run_id = runs["run_id"].iloc[chosen.selection.rows[0]]
        st.switch_page("views/run.py", query_params={"run": run_id} | kept)


def readable(runs: pd.DataFrame) -> pd.DataFrame:
    """The table for people: what all rows have in common is left out."""
    done = zip(runs["epochs"], runs["epochs_planned"], strict=True)
    table = runs.assign(state=runs["state"].map(text.state), epochs=[f"{a} / {b}" for a, b in done])
    optional = ["grids", "dataset"]
    hidden = [c for c in optional if table[c].nunique() == 1] + ["epochs_planned", "created"]
    if table["message"].isna().all():
        hidden.append("message")
    skill = [c for c in table.columns if c.startswith("dev.")]
    first = [
        "state",
        "label",
        "seed",
        "epochs",
        "dev_loss",
        "train_loss",
        *skill,
        "message",
        "grids",
        "dataset",
    ]
    return table[[c for c in [*first, "updated", "run_id"] if c not in hidden]]


def columns(runs: pd.DataFrame) -> dict:
    """Names and formats of the table's columns."""
    number, words = st.column_config.NumberColumn, st.column_config.TextColumn
    config = {
        "state": words("State", width=112),
        "label": words("Predictors", width="medium"),
        "seed": number("Seed", width=60),
        "epochs": words("Epochs", width=84, help="Committed of planned"),
        "dev_loss": number("Dev loss", format="%.4g", width=88),
        "train_loss": number("Train loss", format="%.4g", width=88),
        "message": words("Last problem", width="medium"),
        "grids": words("Grids"),
        "dataset": words("Dataset"),
        "updated": st.column_config.DatetimeColumn("Changed (UTC)", format="YYYY-MM-DD HH:mm", width=140),
        "run_id": words("Run", width=148),
    }
    for column in runs.columns[runs.columns.str.startswith("dev.")]:
        variable = column.split(".")[1]
        config[column] = number(
            f"R² {text.name(variable)}", format="%.2f", width=84, help=f"{column}: on the dev pixels"
        )
    return config


page()
