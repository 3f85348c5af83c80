"""Ensembles: which members a rule kept of which candidates, and why not the others."""

import shlex
from functools import partial

import pandas as pd
import streamlit as st

from landlab_mgr.catalog.records import EnsembleRecord
from parts import address, download, ensembles, figures, origin, page, picture, reading, text


def show() -> None:
    workspace = reading.workspace()
    root, database = str(workspace.root), workspace.database
    contents = page.header("Ensembles")
    if page.no_runs(contents):
        return
    made = {e.name: e for e in reversed(ensembles.records(root, database))}
    if not made:
        grid = contents.grids[0].name if contents.grids else "GRID"
        page.empty(
            "No ensemble yet. Keep the best members of every setup of a grid, once its runs have completed:",
            f"run --grid {grid}",
            f"ensemble select --grid {grid} --keep 10",
        )
        return
    address.restore("ensemble", made, next(iter(made)))
    name = st.selectbox("Ensemble", list(made), key="ensemble", format_func=lambda n: described(made[n]))
    address.keep("ensemble", next(iter(made)))
    table = ensembles.candidates(root, database, name)
    summary = ensembles.by_setup(table)
    rule(made[name], table, summary)
    looked(made[name], ensembles.looks(root, database))
    spread(made[name], table)
    setups(name, summary)
    members(name, table)
    onwards(name, table)


def described(made: EnsembleRecord) -> str:
    kept = sum(m.kept for m in made.members)
    return f"{made.name} · {kept} of {len(made.members)} kept · {made.created:%Y-%m-%d %H:%M} UTC"


def rule(made: EnsembleRecord, table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """By what was chosen, of what, and whether every setup has its number."""
    asked = dict(made.rule)
    by = str(asked.get("by", ""))
    facts = {
        "Kept": f"{int(table['kept'].sum())} of {len(table)} candidates",
        "Setups": len(summary),
        "Of grid": asked.pop("grid", None),
        "Best by": asked.pop("by", None),
        "Judged on": "train" if by.startswith("train") else "dev" if by.startswith("dev") else None,
        "Keep": f"{asked.pop('keep')} of each setup" if "keep" in asked else None,
    }
    if "collapsed_share" in asked:
        facts["Collapsed"] = f"more than {asked.pop('collapsed_share'):.0%} of the pixels dead"
    fewer = asked.pop("fewer", None)
    facts |= {key.replace("_", " ").capitalize(): value for key, value in asked.items()}
    with st.container(horizontal=True, gap="medium"):
        for key, fact in facts.items():
            if fact is not None:
                st.markdown(f":gray[{text.escaped(key)}]  \n{text.escaped(fact)}", width="content")
    keep = made.rule.get("keep")
    short = summary[summary["kept"] < keep] if keep else summary[:0]
    if fewer and len(short):
        names = ", ".join(f"{r.setup} {r.kept}" for r in short.itertuples())
        st.warning(text.escaped(f"Setups with fewer than {keep} good members: {names}."))


def looked(made: EnsembleRecord, looks: pd.DataFrame) -> None:
    """Number of looks at held-back skill, which make a choice after it less worth."""
    times = {0: "never", 1: "once"}.get(len(looks), f"{len(looks)} times")
    before = int((looks["time"] < pd.Timestamp(made.created)).sum())
    said = f"Test or withheld skill of several runs was looked at {times} in this catalog"
    said += f", {before or 'none'} of them before this choice." if len(looks) else "."
    if looks.empty:
        st.caption(said)
        return
    with st.expander(said, icon=":material/visibility:"):
        st.dataframe(
            looks,
            hide_index=True,
            height="content" if len(looks) <= 8 else 300,
            column_config={"time": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm")},
            key="looks",
            alt="Each look at test or withheld skill",
        )
        download.table(looks, "looks at held-back skill")


def spread(made: EnsembleRecord, table: pd.DataFrame) -> None:
    """The losses of the candidates, setup by setup."""
    st.subheader("Losses of the candidates", anchor=False)
    default = "dev_loss" if str(made.rule.get("by", "")).startswith("dev") else "train_loss"
    address.restore("loss", ensembles.LOSSES, default)
    loss = st.segmented_control(
        "Loss", list(ensembles.LOSSES), key="loss", required=True, format_func=ensembles.LOSSES.__getitem__
    )
    address.keep("loss", default)
    drawn = ensembles.losses(table, loss)
    st.plotly_chart(
        drawn,
        config=figures.config(f"losses {made.name} {loss}"),
        key="spread",
        alt=f"{ensembles.LOSSES[loss]} loss of every candidate by setup; kept members are filled",
    )
    runs = ensembles.members(*here(), f"ensemble = {ensembles.quoted(made.name)}")
    datasets = list(dict.fromkeys(runs["dataset"]))
    size = (8.0, 1.6 + 0.24 * table["setup"].nunique())
    title = f"{ensembles.LOSSES[loss].capitalize()} loss of the candidates of {made.name}"
    download.figure(
        partial(picture.drawn, drawn, title, f"{len(table)} runs on {', '.join(datasets)}", size),
        partial(
            origin.of_runs, list(table["run_id"]), datasets, f"ensembles?ensemble={made.name}&loss={loss}"
        ),
        f"{made.name} {loss}",
    )


def setups(name: str, summary: pd.DataFrame) -> None:
    st.subheader("Setups", anchor=False)
    st.dataframe(
        summary,
        hide_index=True,
        height="content" if len(summary) <= 20 else 700,
        column_config={
            "setup": st.column_config.TextColumn("Setup", width=270),
            "kept": st.column_config.NumberColumn("Kept", width=70),
            "candidates": st.column_config.NumberColumn("Candidates", width=90),
            "best score": st.column_config.NumberColumn("Best score", format="%.4g", width=100),
            "dropped for": st.column_config.TextColumn("Dropped for"),
        },
        key="setups",
        alt="Kept members and candidates of each setup",
    )
    download.table(summary, f"{name} setups")


def members(name: str, table: pd.DataFrame) -> None:
    st.subheader("Candidates", anchor=False)
    setups = list(dict.fromkeys(table["setup"]))
    address.restore("setup", setups)
    setup = st.selectbox("Setup", setups, key="setup", index=None, placeholder="All setups", width=320)
    address.keep("setup")
    shown = table if setup is None else table[table["setup"] == setup]
    number, words = st.column_config.NumberColumn, st.column_config.TextColumn
    st.dataframe(
        shown.assign(kept=["✓" if k else "✕" for k in shown["kept"]]),
        hide_index=True,
        placeholder="–",
        height="content" if len(shown) <= 14 else 520,
        column_config={
            "setup": words("Setup", width=270),
            "seed": number("Seed", width=60),
            "rank": number("Rank", width=60),
            "score": number("Score", format="%.4g", width=90),
            "kept": words("Kept", width=60),
            "reason": words("Why not", width="medium"),
            "train_loss": number("Train loss", format="%.4g", width=90),
            "dev_loss": number("Dev loss", format="%.4g", width=90),
            "run_id": words("Run", width=148),
        },
        key="candidates",
        alt="Every candidate with its rank and why it was dropped",
    )
    download.table(shown, f"{name} candidates")


def onwards(name: str, table: pd.DataFrame) -> None:
    """Links to its runs, and commands for it."""
    st.subheader("Use it", anchor=False)
    filter = f"ensemble = {ensembles.quoted(name)}"
    with st.container(horizontal=True, gap="medium"):
        links = (
            ("views/runs.py", "Its runs", ":material/table_rows:", {"filter": filter}),
            ("views/analyses.py", "Its analyses", ":material/query_stats:", {"runs": f"ensemble:{name}"}),
            ("views/maps.py", "Its maps", ":material/public:", {"runs": f"ensemble:{name}"}),
        )
        for target, label, icon, query in links:
            st.page_link(target, label=label, icon=icon, query_params=query)
    text.commands(
        reading.workspace(),
        f"analyse skill {ensembles.shell(filter)}",
        f"report --ensemble {shlex.quote(name)}",
    )
    origin.show({"Ensemble": name}, list(table.loc[table["kept"], "run_id"]), name)


def here() -> tuple[str, str]:
    workspace = reading.workspace()
    return str(workspace.root), workspace.database


show()
