"""Runs: filter them, see where they stand, open one or compare several."""

import pandas as pd
import streamlit as st

from landlab_mgr.catalog import GrammarError
from landlab_mgr.catalog.filter import field_names
from landlab_mgr.errors import LandlabError
from parts import address, download, page, reading, runtable, text

EXAMPLES = (
    "status = 'failed'",
    "predictors = 'PFT+CLIM' and seed < 5",
    "metrics.dev.gpp.r2 > 0.8 or grid in ('twin', 'fluxval')",
    "predictors like '%SOIL%' and not status in ('pending', 'running')",
)
# values of a field that are listed
VALUES = 8
# of more, nobody reads the curves
COMPARED = 400
LAST_GOOD = "the last filter that could be read"


def body() -> None:
    """All that a filter changes; a fragment, so that the rest of the page is not made again."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        filter, problem = ask()
        order, chosen = view(filter)
    if problem is not None:
        text.problem(problem)
        st.caption(text.escaped(f"Still shown: {filter}") if filter else "Still shown: all runs")
    if st.session_state["grouped"]:
        groups(filter)
    else:
        table(filter, order, chosen)


def ask() -> tuple[str, GrammarError | None]:
    """The filter that is asked for; where it cannot be read, the last good one and what is wrong with it."""
    address.restore("filter", default="")
    filter = st.text_input(
        "Filter",
        key="filter",
        placeholder="metrics.dev.gpp.r2 > 0.8 and predictors = 'PFT+CLIM'",
        icon=":material/search:",
    ).strip()
    address.keep("filter", default="")
    with st.popover("How to filter", icon=":material/help:"):
        st.markdown(
            "Join comparisons with `and`, `or`, `not` and parentheses. Text is in quotes. For example:"
        )
        st.code("\n".join(EXAMPLES), language=None, wrap_lines=True)
        try:
            runs = found(filter)
            problem = None
        except GrammarError as error:
            filter, problem = st.session_state.get(LAST_GOOD, ""), error
            runs = found(filter)
        if lines := differing(runs):
            st.markdown("In these the runs shown differ:")
            st.code("\n".join(lines), language=None, wrap_lines=True)
        st.markdown("All fields:")
        st.code("\n".join(field_names()), language=None, height=240)
    st.session_state[LAST_GOOD] = filter
    return filter, problem


def found(filter: str, order: str = "") -> pd.DataFrame:
    """The runs that the filter holds for, the first of very many, with the fields in which all of them differ."""
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database, filter
    return runtable.with_fields(reading.runs(*at, order), reading.differing(*at, order))


def counted(filter: str) -> dict[str, int]:
    """Number of runs in each state, of those that the filter holds for."""
    workspace = reading.workspace()
    return reading.counts(str(workspace.root), workspace.database, filter)


def differing(runs: pd.DataFrame) -> list[str]:
    """Filters to copy, one for each field in which the runs differ."""
    lines = []
    for name in ("predictors", *runtable.specified(runs)):
        column = "label" if name == "predictors" else name
        values = runs[column].dropna().drop_duplicates().sort_values()
        if runs[column].nunique(dropna=False) > 1:
            shown = [f"'{v}'" if isinstance(v, str) else f"{v:g}" for v in values[:VALUES]]
            lines.append(f"{name} in ({', '.join(shown)}{', ...' * (len(values) > VALUES)})")
    return lines


def view(filter: str) -> tuple[str, list[str]]:
    """The order and the columns that are asked for."""
    runs = found(filter)
    every, default = [*runtable.every(runs), *runtable.others(runs)], runtable.shown(runs)
    with st.popover("Columns and order", icon=":material/view_column:"):
        address.restore_many("columns", every, default, runtable.known)
        chosen = st.multiselect(
            "Columns",
            list(dict.fromkeys((*every, *st.session_state["columns"]))),
            format_func=runtable.name,
            key="columns",
            accept_new_options=True,
            help="Any field of a run's specification, or a metric as metrics.dev.gpp.rmse: type its name",
        )
        address.keep_many("columns", default)
        orders = runtable.orders(runs, [c for c in chosen if c not in runs])
        address.restore("order", orders, "")
        order = st.selectbox("Order", list(orders), format_func=orders.__getitem__, key="order")
        address.keep("order", "")
    address.toggled("grouped", "By setup", False, "Mean and standard deviation over the runs of each setup")
    return order, chosen or default


def groups(filter: str) -> None:
    """Setups with the mean and the spread of their runs."""
    workspace = reading.workspace()
    setups = reading.grouped(str(workspace.root), workspace.database, filter)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{text.count(len(setups), 'setup')}**", width="content")
        st.space("stretch")
        download.table(setups, "setups")
    number = st.column_config.NumberColumn
    config: dict = {
        "setup": st.column_config.TextColumn("Setup", width="medium"),
        "runs": number("Runs", width=60),
        "completed": number("Completed", width=90),
    }
    for column in runtable.skills(setups):
        name = runtable.name(column.removesuffix(" sd"))
        spread = column.endswith(" sd")
        config[column] = number(
            "± sd" if spread else name, format="%.2f", width=64 if spread else 84, help=f"{column}: over runs"
        )
    st.dataframe(
        setups,
        column_config=config,
        hide_index=True,
        placeholder="–",
        height="content" if len(setups) <= 20 else 720,
        key="setups",
        alt="Setups with the mean and spread of their runs",
    )


def table(filter: str, order: str, chosen: list[str]) -> None:
    """Counts, table and download of the runs that the filter holds for."""
    counts = counted(filter)
    total = sum(counts.values())
    # those that are not shown may come first in another order
    runs = found(filter, order if total > reading.LISTED else "")
    try:
        runs = with_columns(runs, filter, chosen)
    except LandlabError as error:  # no such field, or a metric that is held back
        text.problem(error)
        chosen = [c for c in chosen if c in runs]
    runs = runtable.ordered(runs, order if order.removeprefix("-") in runs else "")
    if runs.empty:
        st.info("No run matches this filter. The button beside it lists fields and examples.")
        return
    ticked = runs["run_id"].iloc[[row for row in selected() if row < len(runs)]]
    with st.container(horizontal=True, vertical_alignment="center"):
        badges = [
            f":{colour}-badge[{sign} {counts[state]:,} {state}]"
            for state, (sign, colour) in text.STATES.items()
            if counts[state]
        ]
        st.markdown(f"**{text.count(total, 'run')}** {' '.join(badges)}", width="content")
        st.space("stretch")
        actions(filter, total, list(ticked))
        download.table(runs if total == len(runs) else lambda: all_of(filter, order), "runs")
    if total > len(runs):
        st.caption(
            f"Shown are the first {len(runs):,}, {runtable.orders(runs).get(order, order)}; the file has all. "
            "A filter or another order shows others."
        )
    st.dataframe(
        runtable.readable(runs)[[c for c in chosen if c in runs]],  # what nobody looks at is not sent
        column_config=runtable.columns(runs),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        height="content" if len(runs) <= 20 else 720,
        key="runs",
        alt="Runs that the filter holds for",
    )
    differ = any(c.startswith("loss_weights.") for c in runtable.specified(runs))
    weighed = ", and their weights differ here, so that they do not compare: an R² does" if differ else ""
    st.caption(
        "Tick one row to open its run, several to compare them; a click on a column's name sorts by it. "
        f"Losses are of the last epoch, weighted and per pixel{weighed}; R² is Nash–Sutcliffe, on the dev pixels.",
    )


def with_columns(runs: pd.DataFrame, filter: str, chosen: list[str]) -> pd.DataFrame:
    """The runs with the fields and metrics that were chosen beside those that the table has anyway."""
    names = tuple(c for c in chosen if c not in runs)
    if not names:
        return runs
    workspace = reading.workspace()
    more = reading.columns(str(workspace.root), workspace.database, names, filter)
    return runs.merge(more, how="left", on="run_id")


def selected() -> list[int]:
    """The rows that are ticked, by their place."""
    return list(st.session_state.get("runs", {}).get("selection", {}).get("rows", []))


def all_of(filter: str, order: str) -> pd.DataFrame:
    """All runs that the filter holds for, as the table shows the first."""
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database, filter
    runs = reading.every_run(*at, order)
    return runtable.with_fields(runs, reading.settings(*at, runs["run_id"]))


def actions(filter: str, total: int, ticked: list[str]) -> None:
    """Links for the ticked runs, or for all of them."""
    kept = {"filter": filter} if filter else {}
    st.page_link(
        "views/run.py",
        label="Open the run",
        icon=":material/monitoring:",
        disabled=len(ticked) != 1,
        query_params=kept | {"run": ticked[0]} if len(ticked) == 1 else kept,
        help="Tick one row",
    )
    asked = {"runs": ",".join(ticked)} | kept if ticked else kept | {"all": "yes"}
    number = len(ticked) or total
    st.page_link(
        "views/compare.py",
        label=f"Compare {'all ' * (not ticked)}{number:,}",
        icon=":material/compare_arrows:",
        disabled=not 2 <= number <= COMPARED,
        query_params=asked,
        help=f"2 to {COMPARED} runs: tick some rows, or filter",
    )


page.live("Runs", body)
