"""One run: how it was asked for, how it learned, how well it does, and what it says beside what was observed."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import duration, skill_table
from parts import address, comparison, download, figures, files, origin, page, picture, reading, text

LIVE_SECONDS = 3


def show() -> None:
    workspace = reading.workspace()
    page.watch(page.what_there_is())
    run_id = choose()
    if run_id is None:
        st.info("Choose a run above, or tick one in the table of runs.")
        return
    view = reading.run(str(workspace.root), workspace.database, run_id)
    going = view.record.state == "running"
    st.fragment(text.guarded(progress), run_every=LIVE_SECONDS if going else None)(
        view.record.run_id, view.record.state
    )
    if view.record.state == "completed":
        comparison.show(view, save)
    provenance(view)


def choose() -> str | None:
    """The run that the address names or the reader picks, among those of the filter they came with."""
    workspace = reading.workspace()
    filter = st.query_params.get("filter", "")
    try:
        runs = reading.runs(str(workspace.root), workspace.database, filter)
    except LandlabError:  # the page of runs explains what is wrong with a filter
        runs = reading.runs(str(workspace.root), workspace.database, "")
    asked = st.query_params.get("run")
    beside = None
    if asked is not None and asked not in set(runs["run_id"]):  # a prefix, or a run beside the filter
        beside = reading.run(str(workspace.root), workspace.database, asked).record
        st.query_params["run"] = beside.run_id
        if beside.run_id not in set(runs["run_id"]):
            runs = reading.runs(str(workspace.root), workspace.database, "")
    setups = reading.setups(str(workspace.root), workspace.database, tuple(runs["run_id"]))
    names = {
        r.run_id: f"{setups[r.run_id]} · seed {r.seed} · {text.state(r.state)} · {r.run_id[:8]}"
        for r in runs.itertuples()
    }
    if beside is not None and beside.run_id not in names:  # beyond those that are listed
        state = text.state(beside.state)
        names[beside.run_id] = (
            f"{beside.label} · seed {beside.spec.seeds.init} · {state} · {beside.run_id[:8]}"
        )
    options = list(names)
    address.restore("run", options)
    with st.container(horizontal=True, vertical_alignment="center"):
        kept = {"filter": filter} if filter else {}
        st.page_link("views/runs.py", label="Runs", icon=":material/arrow_back:", query_params=kept)
        st.selectbox(
            "Run",
            options,
            format_func=names.__getitem__,
            key="run",
            placeholder="Choose a run",
            index=None,
            label_visibility="collapsed",
        )
    address.keep("run")
    return st.session_state["run"]


def progress(run_id: str, state: str) -> None:
    """Header, what the state means, and the learning curves: what changes while a run goes on."""
    workspace = reading.workspace()
    view = reading.run(str(workspace.root), workspace.database, run_id)
    if view.record.state != state:
        st.rerun()  # the rest of the page changes too
    header(view)
    explain(view)
    if not view.epochs.empty:
        left, right = st.columns(2, gap="medium") if not view.metrics.empty else (st.container(), None)
        with left:
            curves(view)
        if right is not None:
            with right:
                skill(view)


def header(view: reading.RunView) -> None:
    record, dataset, seeds = view.record, view.dataset, view.record.spec.seeds
    sign, colour = text.STATES[record.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(text.escaped(f"{view.setup} · seed {seeds.init}"), width="content", anchor=False)
        st.markdown(f":{colour}-badge[{sign} {record.state}]", width="content")
        if dataset.kind == "synthetic":
            st.badge("synthetic data", color="orange", icon=":material/science:")
    facts = {
        "Dataset": f"{dataset.name}, {dataset.n_pixels} pixels, {dataset.n_months:,} steps",
        "Seeds": f"init {seeds.init}, split {seeds.split}, shuffle {seeds.shuffle}",
        "Epochs": f"{record.epochs} of {record.epochs_planned}",
    }
    if not view.epochs.empty:
        best = view.epochs["dev"].idxmin() if view.epochs["dev"].notna().any() else None
        facts["Training"] = duration(float(view.epochs["seconds"].sum()))
        if best is not None:
            lowest = view.epochs.loc[best]
            facts["Lowest dev loss"] = f"{text.number(lowest['dev'])} at epoch {int(lowest['epoch'])}"
    facts["Grids"] = ", ".join(record.grids) or "none"
    facts["Run"] = record.run_id
    with st.container(horizontal=True, gap="medium"):
        for name, fact in facts.items():
            st.markdown(f":gray[{name}]  \n{text.escaped(fact)}", width="content")


def explain(view: reading.RunView) -> None:
    """Meaning of a state other than completed, and what to do about it."""
    record, workspace = view.record, reading.workspace()
    # pandas has NaN where this attempt lacks what another has
    attempts = view.attempts.astype(object).where(view.attempts.notna(), None)
    last = None if attempts.empty else attempts.iloc[-1]
    if record.state == "pending":
        st.info("This run waits to be trained. Start a driver, which takes whatever is pending:")
        text.commands(workspace, f"run --grid {record.grids[0]}" if record.grids else "run")
        if last is not None:
            why = last["message"] or "no message"
            st.caption(text.escaped(f"Attempt {last['number']} let it go ({last['outcome']}): {why}"))
    elif record.state == "running":
        st.progress(
            record.epochs / record.epochs_planned, f"epoch {record.epochs} of {record.epochs_planned}"
        )
        if view.epochs.empty:
            st.info(
                "Training has started; the first epochs appear with the first checkpoint. This page follows it."
            )
    elif record.state == "failed" and last is not None:
        st.error(f"Attempt {last['number']} failed ({last['outcome']}).", icon=":material/error:")
        st.code(last["message"] or "no message", language=None, wrap_lines=True)
        if last["outcome"] == "nan":
            st.caption(text.DIVERGED)
        else:
            st.caption("This tries it again, and no other run:")
            text.commands(workspace, f"run \"run = '{record.run_id}'\" --only failed")
        if last["traceback"]:
            with st.expander("Traceback"):
                st.code(last["traceback"], language=None)
    elif record.state == "cancelled":
        st.info("This run was cancelled; what it had learned until then is kept.")


def curves(view: reading.RunView) -> None:
    epochs = view.epochs
    st.subheader("Learning curve", anchor=False)
    terms = [
        c
        for c in epochs.columns
        if c not in ("epoch", "total", "dev", "seconds") and not c.startswith("dev_")
    ]
    term = st.selectbox(
        "Loss",
        ["total", *terms],
        format_func=lambda t: "total" if t == "total" else f"{t} (one term)",
        key="term",
        width=240,
    )
    shown, name = figures.losses(epochs, term), f"loss {term} {view.record.run_id[:8]}"
    st.plotly_chart(shown, config=figures.config(name), key="losses", alt=f"Learning curve, {term} loss")
    with st.container(horizontal=True):
        save(view, shown, f"{term} loss", name)
        download.table(epochs, f"epochs {view.record.run_id[:8]}")
    broken = epochs.loc[~np.isfinite(epochs["total"]), "epoch"]
    if not broken.empty:
        st.caption(f"The loss is not finite at epoch {int(broken.iloc[0])}: a gap in the curve.")


def save(view: reading.RunView, shown: go.Figure, title: str, name: str) -> None:
    """Buttons for a figure of this run."""
    record, dataset = view.record, view.dataset
    marked = ", synthetic data" if dataset.kind == "synthetic" else ""
    small = f"{view.setup}, seed {record.spec.seeds.init}, run {record.run_id} on {dataset.name}{marked}"
    download.figure(
        lambda: picture.drawn(shown, title, small),
        lambda: origin.of_runs([record.run_id], [dataset.name], f"run?run={record.run_id}"),
        name,
    )


def skill(view: reading.RunView) -> None:
    st.subheader("Skill", anchor=False)
    run_id = view.record.run_id
    times = {0: "never", 1: "once"}.get(view.test_reads, f"{view.test_reads} times")
    asked = st.toggle(
        "test and withheld (counted)",
        key=f"held back {run_id}",
        help="Choose setups by dev; the rest is for the end. The switch also shows these observations in the series "
        f"below. Of this run they were looked at {times}.",
    )
    metrics, before = view.metrics, reading.held_back_of(run_id) is not None
    if asked:
        try:
            metrics = pd.concat([metrics, reading.held_back(run_id)])
        except LandlabError as error:
            text.problem(error)
    else:
        st.session_state.pop(reading.HELD_BACK, None)
    if before != (reading.held_back_of(run_id) is not None):
        st.rerun()  # the series beside it show the same
    table = pd.DataFrame(skill_table(metrics.to_dict("list")))
    table["variable"] = [
        text.quantity(v, known.unit) if (known := text.about(v)) else v for v in table["variable"]
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        height="content" if len(table) <= 12 else 420,
        column_config={
            "variable": st.column_config.TextColumn("Variable", width=150),
            "split": st.column_config.TextColumn("Split", width=70),
            "r2": number("r²", format="%.2f", help="Squared correlation over months and pixels", width=60),
            "R2": number(
                "R²", format="%.2f", help="Nash–Sutcliffe efficiency; 0 = no better than the mean", width=66
            ),
            "RMSE": number("RMSE", format="%.3g", help="In the variable's unit", width=76),
            "spatial r": number(
                "spatial r", format="%.2f", help="Correlation of the pixels' means", width=76
            ),
            "n": number("n", format="localized", help="Values compared", width=70),
        },
        key="skill",
        alt="Skill of this run",
    )
    download.table(metrics, f"metrics {run_id[:8]}")


def provenance(view: reading.RunView) -> None:
    """Attempts, files and specification."""
    with st.expander(f"Attempts ({len(view.attempts)})"):
        if view.attempts.empty:
            st.caption("None yet.")
        else:
            times = {
                c: st.column_config.DatetimeColumn(c, format="YYYY-MM-DD HH:mm:ss")
                for c in ("started", "ended")
            }
            first = [
                "number",
                "outcome",
                "started",
                "ended",
                "message",
                "host",
                "device",
                "mode",
                "git_commit",
            ]
            st.dataframe(
                view.attempts[first],
                hide_index=True,
                placeholder="–",
                column_config=times,
                key="attempts",
                alt="Attempts at this run",
            )
            download.table(view.attempts, f"attempts {view.record.run_id[:8]}")
    with st.expander(f"Files ({len(view.files)})"):
        if view.files.empty:
            st.caption("None yet.")
        else:
            rows = files.table(view.files, f"files {view.record.run_id}", "Files of this run")
            files.offer(view.files, rows, "of the run")
            download.table(view.files, f"files {view.record.run_id[:8]}")
    with st.expander("Specification"):
        st.json(view.record.spec.model_dump(mode="json"))


show()
