"""Overview: where every grid stands, what failed last, what is new."""

import pandas as pd
import streamlit as st

from landlab_mgr.catalog import DatasetRecord, GridRecord
from landlab_mgr.workspace.display import duration
from parts import cells, download, news, origin, page, progress, reading, text

# so many grids show their cells unasked, those that changed last
DRAWN = 6
# what a card's border takes
PADDING = 36
FAILURES = 8
NEWS = 8


def body() -> None:
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database
    contents, placed = reading.contents(*at), reading.progress(*at)
    runs = placed.drop_duplicates("run_id")
    totals(runs)
    changed = placed.groupby("grid")["updated"].max().sort_values(ascending=False, kind="stable")
    grids = {grid.name: grid for grid in contents.grids}
    with st.container(horizontal=True, gap="medium"):
        for place, name in enumerate(name for name in changed.index if name):
            card(grids[name], placed[placed["grid"] == name], drawn=place < DRAWN)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        failures()
    with right:
        latest()


def totals(runs: pd.DataFrame) -> None:
    """Runs of the whole catalog by state, each a link to them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{text.count(len(runs), 'run')}**", width="content")
        links(runs, "")


def links(runs: pd.DataFrame, filter: str) -> None:
    """A link to the runs of each state among these, which `filter` finds."""
    counts = runs["state"].value_counts()
    for name, (sign, colour) in text.STATES.items():
        if counts.get(name):
            asked = f"{filter} and status = '{name}'" if filter else f"status = '{name}'"
            st.page_link(
                "views/runs.py",
                label=f":{colour}-badge[{sign} {counts[name]:,} {name}]",
                query_params={"filter": asked},
            )


def card(grid: GridRecord, runs: pd.DataFrame, drawn: bool) -> None:
    """One grid: what it is, how far it is, how long the rest will take, and its cells."""
    workspace = reading.workspace()
    dataset = next(
        d
        for d in reading.contents(str(workspace.root), workspace.database).datasets
        if grid.spec.dataset in d.names or d.fingerprint.startswith(grid.spec.dataset)
    )
    variants = {}
    if len(grid.spec.variants) > 1:
        variants = reading.variants(grid.spec.model_dump_json(), dataset.fingerprint)
    what = progress.cells(runs, variants)
    with st.container(border=True, width=progress.width(what) + PADDING):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(text.escaped(grid.name), anchor=False, width="content")
            links(runs, f"grid = '{grid.name}'")
        size = f"{text.count(len(what.setups), 'setup')} x {text.count(len(what.seeds), 'seed')}"
        predictors = tuple(runs["label"].unique())
        if len(predictors) == 1 and what.setups != predictors:
            size += f" of {predictors[0]}"
        synthetic = " (synthetic)" if dataset.kind == "synthetic" else ""
        st.caption(text.escaped(f"{size} on {dataset.name}{synthetic}{pace(runs, dataset.name)}"))
        if not drawn:
            drawn = st.toggle("Show its cells", key=f"cells {grid.name}")
        if drawn:
            label = f"Runs of {grid.name} by setup and seed, coloured by state"
            if (clicked := cells.show(what, f"grid {grid.name}", label)) is not None:
                st.switch_page(
                    "views/run.py", query_params={"run": clicked, "filter": f"grid = '{grid.name}'"}
                )
        with st.container(horizontal=True):
            save(grid, what, dataset)
            download.table(runs, f"grid {grid.name}")


def save(grid: GridRecord, what: progress.Cells, dataset: DatasetRecord) -> None:
    """Buttons for the cells as a figure."""
    run_ids = [run_id for run_id in what.run_id.ravel() if run_id]
    marked = ", synthetic data" if dataset.kind == "synthetic" else ""
    title = f"{grid.name}: {text.count(len(run_ids), 'run')} on {dataset.name}{marked}"
    download.figure(
        lambda: progress.drawn(what, title),
        lambda: origin.of_runs(run_ids, [dataset.name], ""),
        f"cells {grid.name}",
    )


def pace(runs: pd.DataFrame, dataset: str) -> str:
    """Share that is done, and time for the rest if runs go on as now."""
    done = (runs["state"] == "completed").mean()
    share = f", {done:.0%} done" if done < 1 else ", done"
    workspace = reading.workspace()
    left = progress.seconds_left(
        runs, reading.epoch_seconds(str(workspace.root), workspace.database, dataset)
    )
    going = int((runs["state"] == "running").sum())
    return share if left is None else f"{share}, about {duration(left)} left with {going} at a time"


def failures() -> None:
    """The runs that failed last; ticking one opens it."""
    workspace = reading.workspace()
    at = str(workspace.root), workspace.database, "status = 'failed'", "-updated"
    failed = reading.runs(*at)
    st.subheader("Latest failures", anchor=False)
    if failed.empty:
        st.caption("No run has failed.")
        return
    shown = failed.head(FAILURES)
    setups = reading.setups(str(workspace.root), workspace.database, tuple(shown["run_id"]))
    shown = shown.assign(setup=shown["run_id"].map(setups))
    shown = shown[["updated", "setup", "seed", "outcome", "message", "grids"]]
    words = st.column_config.TextColumn
    chosen = st.dataframe(
        shown,
        hide_index=True,
        height="content",
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "updated": st.column_config.DatetimeColumn("When (UTC)", format="MM-DD HH:mm", width=96),
            "setup": words("Setup", width="medium"),
            "seed": st.column_config.NumberColumn("Seed", width=52),
            "outcome": words("How", width=64),
            "message": words("Message", width="medium"),
            "grids": words("Grids", width="small"),
        },
        key="failures",
        alt="Runs that failed last",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Tick a row to open its run.", width="content")
        download.table(lambda: reading.every_run(*at), "failures")
    diverged = failed["outcome"] == "nan"
    if diverged.any():
        st.caption(text.DIVERGED)
    if not diverged.all():
        st.caption(f"To try the {text.count(int((~diverged).sum()), 'run')} again that failed otherwise:")
        text.commands(workspace, "run \"outcome != 'nan'\" --only failed")
    if chosen.selection.rows:
        st.switch_page("views/run.py", query_params={"run": failed["run_id"].iloc[chosen.selection.rows[0]]})


def latest() -> None:
    """Latest grids, ensembles and analyses."""
    st.subheader("What is new", anchor=False)
    workspace = reading.workspace()
    found = reading.events(str(workspace.root), workspace.database, news.KINDS, 4 * NEWS)
    if found.empty:
        st.caption("Nothing yet.")
        return
    table = pd.DataFrame(
        {
            "time": found["time"],
            "what": [
                news.told(kind, detail) for kind, detail in zip(found["kind"], found["detail"], strict=True)
            ],
        }
    )
    # what is said again is not news
    table = table[table["what"] != table["what"].shift()].head(NEWS)
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={
            "time": st.column_config.DatetimeColumn("When (UTC)", format="MM-DD HH:mm", width=96),
            "what": st.column_config.TextColumn("What", width="large"),
        },
        key="news",
        alt="What happened last in this catalog",
    )


page.live("Overview", body)
