"""Compare: several runs, or groups of them, beside each other: how they learned, how well they do, what differs."""

import pandas as pd
import streamlit as st

from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN
from parts import address, contrast, download, figures, origin, page, picture, reading, text

FEWEST, MOST = 2, 400
# settings that a warning names; of more it says how many
LISTED = 4
STATISTICS = ("R2", "r2", "r", "rmse", "mae", "bias", "slope")
MEANINGS = {"R2": "R² (Nash–Sutcliffe)", "r2": "r² (squared correlation)", "r": "r (correlation)"}


def show() -> None:
    page.header("Compare runs")
    filter = st.query_params.get("filter", "")
    st.page_link(
        "views/runs.py",
        label="Runs",
        icon=":material/arrow_back:",
        query_params={"filter": filter} if filter else {},
    )
    run_ids = asked(filter)
    if run_ids is None:
        return
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database
    table = reading.table(*at, run_ids)
    by, group = grouped(table)
    names = contrast.names(group)
    st.markdown(
        f"**{text.count(len(table), 'run')}** in {text.count(len(names), 'group')}"
        + (" :orange-badge[synthetic data]" if synthetic(table) else "")
    )
    curves(table, group)
    skill(table, group)
    differences(table, group, by)
    facts = {
        "Data": ", ".join(sorted(set(table["dataset"]))),
        "Metrics": "train and dev only; nothing held back was read",
        "Grouped by": by,
    }
    origin.show(facts, list(table["run_id"]), "compared")


def asked(filter: str) -> tuple[str, ...] | None:
    """The runs that the address names or its filter holds for; None, and why, where they cannot be compared."""
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database
    named = tuple(dict.fromkeys(r for r in st.query_params.get("runs", "").split(",") if r))
    if named:
        # an id may be shortened by whoever writes a link
        found = tuple(reading.run(*at, run_id).record.run_id for run_id in named[:MOST])
    elif "all" in st.query_params or filter:
        total = sum(reading.counts(*at, filter).values())
        if total > MOST:
            st.info(f"{total:,} runs are too many to compare; filter them down to {MOST}.")
            return None
        found = tuple(reading.runs(*at, filter)["run_id"])
    else:
        found = ()
    if not found:
        st.info("Nothing is chosen yet: tick some runs in the table of runs, then choose Compare.")
        return None
    if len(found) < FEWEST:
        st.info("One run is no comparison: tick another one in the table of runs.")
        return None
    return found


def synthetic(table: pd.DataFrame) -> bool:
    workspace = reading.workspace()
    kinds = {d.name: d.kind for d in reading.contents(str(workspace.root), workspace.database).datasets}
    return any(kinds.get(name) == "synthetic" for name in table["dataset"])


def grouped(table: pd.DataFrame) -> tuple[str, pd.Series]:
    """Fields that the runs are grouped by, and the group of each; a note says what a group mixes."""
    options, default = contrast.groupings(table), contrast.default(table)
    named = {"run_id": "each run", "grids": "grid", "setup": "setup (all but seeds)"}
    address.restore_many("by", options, default)
    by = st.multiselect(
        "Group by",
        options,
        format_func=lambda c: named.get(c, c),
        key="by",
        width=520,
        placeholder="all in one",
    )
    address.keep_many("by", default)
    group = contrast.groups(table, by)
    if mixed := contrast.pooled(table, group):
        listed = ", ".join(mixed[:LISTED]) + f" and {len(mixed) - LISTED} more" * (len(mixed) > LISTED)
        st.warning(
            text.escaped(
                f"Groups pool runs that differ in {listed}. Add these to Group by to keep them apart."
            ),
            icon=":material/warning:",
        )
    return ", ".join(named.get(c, c) for c in by) or "nothing", group


def curves(table: pd.DataFrame, group: pd.Series) -> None:
    """Learning curves: mean and range of each group."""
    st.subheader("Learning curves", anchor=False)
    workspace = reading.workspace()
    epochs = reading.curves(str(workspace.root), workspace.database, tuple(table["run_id"]))
    if epochs.empty:
        st.info("None of these runs has an epoch yet; curves appear with the first checkpoint.")
        return
    differ = contrast.weights_differ(table)
    terms = contrast.terms(epochs) if differ else ["total", *contrast.terms(epochs)]
    if not terms:
        st.info(
            "The loss weights of these runs differ, so that their losses do not compare; skill below does."
        )
        return
    if differ:
        epochs = contrast.unweighted(epochs, table)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        address.restore("term", terms, terms[0])
        term = st.selectbox("Loss", terms, key="term", width=240)
        address.keep("term", terms[0])
        address.restore("on", SEEN, "dev")
        split = st.segmented_control("On", list(SEEN), key="on", required=True)
        address.keep("on", "dev")
    column = contrast.column_of(term, split)
    found = contrast.curve(epochs, group, column) if column in epochs else pd.DataFrame()
    if found.empty:
        st.info(f"There is no {split} value of this loss in these runs.")
        return
    loss = "loss" if term == "total" else f"{term} loss"
    axis = f"{'unweighted' if differ else 'weighted'} {loss} per pixel on {split} (1)"
    shown = figures.learning(found, contrast.names(group), axis)
    st.plotly_chart(
        shown, config=figures.config(f"curves {term} {split}"), key="curves", alt="Learning curves by group"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        scaled = (
            " The loss weights of these runs differ: each term is divided by its own weight."
            if differ
            else ""
        )
        st.caption(
            f"Lines are means over the runs of a group, areas reach from the lowest to the highest.{scaled}"
        )
        save(shown, f"{term} loss on {split}", table, f"curves {term} {split}")
        download.table(found, f"curves {term} {split}")


def skill(table: pd.DataFrame, group: pd.Series) -> None:
    """Skill of every variable: each run, and the groups' means."""
    st.subheader("Skill", anchor=False)
    there = [s for s in STATISTICS if any(c.endswith(f".{s}.flat") for c in table.columns)]
    if not there:
        st.info("None of these runs has completed, so there is no skill to compare.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        address.restore("statistic", there, there[0])
        statistic = st.selectbox(
            "Statistic", there, format_func=lambda s: MEANINGS.get(s, s), key="statistic", width=240
        )
        address.keep("statistic", there[0])
        address.restore("split", SEEN, "dev")
        split = st.segmented_control("Split", list(SEEN), key="split", required=True)
        address.keep("split", "dev")
    values = contrast.skills(table, group, split, statistic)
    names = contrast.names(group)
    if values.empty:
        st.info(f"These runs have no {statistic} on {split}.")
        return
    summary = contrast.summary(values)
    floor = contrast.floor(values["value"], statistic)
    shown = figures.skills(values, names, f"{MEANINGS.get(statistic, statistic)} on {split}", floor)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.plotly_chart(
            shown,
            config=figures.config(f"{statistic} {split}"),
            key="skills",
            alt="Skill by variable and group",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            beyond = "" if floor is None else f" Triangles are values below {floor:g}."
            st.caption(f"A dot for each run, a bar at the median of the group.{beyond}", width="content")
            save(shown, f"{statistic} on {split}", table, f"{statistic} {split}")
    with right:
        wide = summary.pivot_table(index="variable", columns="group", values="median", sort=False)
        wide = wide.reindex(columns=[n for n in names if n in wide.columns]).reset_index()
        wide["variable"] = wide["variable"].map(text.name)
        number = st.column_config.NumberColumn
        st.dataframe(
            wide,
            hide_index=True,
            height="content",
            placeholder="–",
            column_config={"variable": st.column_config.TextColumn("Median of", pinned=True)}
            | {n: number(n, format="%.3f") for n in names},
            key="medians",
            alt="Median skill by variable and group",
        )
        download.table(summary, f"skill {statistic} {split}")


def save(shown, title: str, table: pd.DataFrame, name: str) -> None:
    """Buttons for a figure of these runs."""
    run_ids, datasets = list(table["run_id"]), sorted(set(table["dataset"]))
    marked = ", synthetic data" if synthetic(table) else ""
    small = f"{text.count(len(run_ids), 'run')} on {', '.join(datasets)}{marked}: {download.names(run_ids)}"
    link = f"compare?runs={','.join(run_ids)}"
    download.figure(
        lambda: picture.drawn(shown, title, small), lambda: origin.of_runs(run_ids, datasets, link), name
    )


def differences(table: pd.DataFrame, group: pd.Series, by: str) -> None:
    """Settings in which the runs differ; of two runs also code and environment."""
    st.subheader("What differs", anchor=False)
    found = of_two(*table["run_id"]) if len(table) == 2 else contrast.differences(table, group)
    if found.empty:
        st.caption("Nothing: all else is the same.")
        return
    st.dataframe(
        found,
        hide_index=True,
        height="content" if len(found) <= 14 else 520,
        placeholder="–",
        column_config={c: st.column_config.TextColumn(c) for c in found.columns},
        key="differences",
        alt="Settings that differ",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("All that is not listed is the same in all of them.", width="content")
        download.table(found, "differences")


def of_two(a: str, b: str) -> pd.DataFrame:
    workspace = reading.workspace()
    try:
        found = reading.difference(str(workspace.root), workspace.database, a, b)
    except LandlabError as error:
        text.problem(error)
        return pd.DataFrame()
    names = [f"{r.label} · seed {r.spec.seeds.init} · {r.run_id[:8]}" for r in (found.a, found.b)]
    rows = [(d.part, d.field, *(cell(x) for x in (d.a, d.b))) for d in found.differences]
    return pd.DataFrame(rows, columns=["of", "what", *names])


def cell(value: object) -> str | None:
    if value is None:
        return None
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


show()
