"""Tuning: studies of loss weights and other numbers, judged on dev: progress, best, gain, importances, cost."""

from functools import partial

import pandas as pd
import streamlit as st

from landlab_mgr.catalog.records import StudyRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace.display import duration
from parts import address, download, figures, origin, page, picture, reading, studies, text

LIVE_SECONDS = 10


def show() -> None:
    workspace = reading.workspace()
    root, database = str(workspace.root), workspace.database
    contents = page.header("Tuning")
    known = {study.name: study for study in studies.records(root, database)}
    if not known:
        if not contents.datasets:
            page.no_runs(contents)
            return
        page.empty(
            "No study yet. One finds loss weights that do better on dev than the paper's; write a file, or take one:",
            "tune experiments/tune_fluxval.toml --workers 2",
        )
        promoted(root, database, None)
        return
    first = next(iter(known))
    address.restore("study", known, first)
    name = st.selectbox("Study", list(known), key="study")
    address.keep("study", first)
    try:
        going = on_its_way(studies.summary(root, database, name).counts)
    except LandlabError as error:
        text.problem(error)
        return
    st.fragment(text.guarded(report), run_every=LIVE_SECONDS if going else None)(name, known[name])
    promoted(root, database, name)


def on_its_way(counts: dict[str, int]) -> bool:
    return bool(counts.get("running") or counts.get("waiting"))


def report(name: str, record: StudyRecord) -> None:
    """Facts of a study; they are read again while trials go on."""
    workspace = reading.workspace()
    root, database = str(workspace.root), workspace.database
    found = studies.summary(root, database, name)
    progress(found, name)
    if found.trials.empty:
        st.info("No trial has ended yet; this page follows the study.")
        return
    verdict(found)
    several = len(found.spec.objectives) > 1
    names = [objective.name for objective in found.spec.objectives]
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Objective by trial", anchor=False)
        objective = names[0]
        if several:
            address.restore("objective", names, names[0])
            objective = st.selectbox("Objective", names, key="objective")
            address.keep("objective", names[0])
        chart(found, studies.history(found, objective), "history", f"Objective of every trial of {name}")
    with right:
        if several:
            st.subheader("Pareto front", anchor=False)
            chart(
                found,
                studies.pareto(found, names[0], names[1]),
                "pareto",
                f"Two objectives of every trial of {name}",
            )
        elif "importance" in found.numbers:
            st.subheader("Importances", anchor=False)
            chart(
                found,
                studies.importances(found),
                "importances",
                "Share of the variance that each number explains",
            )
        else:
            st.subheader("Importances", anchor=False)
            st.caption("Told from five complete trials on.")
    if len(studies.best_trials(found)):
        st.subheader("What the best trials drew", anchor=False)
        chart(
            found,
            studies.parallel(found),
            "parallel",
            "Numbers of the best trials, in multiples of trial 0's",
        )
    gain(found)
    tables(found, name)
    run_ids = [run_id for of_trial in record.trials.values() for run_id in of_trial]
    facts = {
        "Study": name,
        "Dataset": found.spec.dataset,
        "Predictors": "+".join(found.spec.predictors),
        "Sampler": f"{found.spec.sampler}, seed {found.spec.sampler_seed}",
        "Registered": f"{record.created:%Y-%m-%d %H:%M} UTC",
    }
    origin.show(facts, list(dict.fromkeys(run_ids)), f"study {name}")


def progress(found, name: str) -> None:
    """Its progress, its cost so far, its settings."""
    spec, counts = found.spec, found.counts
    over = counts.get("complete", 0) + counts.get("pruned", 0)
    if on_its_way(counts) and over < spec.trials:
        st.progress(min(over / spec.trials, 1.0), f"{over} of {spec.trials} trials are over")
    states = ", ".join(f"{n} {studies.STATES.get(s, s)}" for s, n in counts.items() if n) or "none"
    facts = {
        "Trials": states + (f"; {found.infeasible} break the constraint" if found.infeasible else ""),
        "Setup": f"{'+'.join(spec.predictors)} on {spec.dataset}",
        "Seeds": f"{len(spec.seed_list)} a trial, {len(spec.fresh)} fresh",
        "Sampler": f"{spec.sampler}, pruner {spec.pruner}",
    }
    if found.start is not None and found.start.values:
        facts["Trial 0"] = ", ".join(f"{v:.4f}" for v in found.start.values)
    if found.best is not None:
        facts["Best"] = f"{found.best.values[0]:.4f} (trial {found.best.number})"
    facts["Cost"] = (
        f"{duration(3600 * found.cost['hours'])}, {duration(3600 * found.cost['hours_training'])} of training"
    )
    with st.container(horizontal=True, gap="medium"):
        for key, fact in facts.items():
            st.markdown(f":gray[{text.escaped(key)}]  \n{text.escaped(fact)}", width="content")


def verdict(found) -> None:
    """In a sentence: whether tuning brought anything that can be told from nothing."""
    workspace = reading.workspace()
    if found.best is None:
        if len(found.spec.objectives) > 1:
            return
        st.warning("No trial has completed that keeps the constraint.")
    elif found.start is not None and found.best.number == found.start.number:
        st.info("No trial is better than trial 0 yet.")
    elif found.gain.empty:
        st.info(
            "The gain over trial 0 is told when both have been trained with fresh seeds, at the end of the study."
        )
    else:
        row = found.gain[found.gain["split"] == "dev"].iloc[0]
        interval = f"{row['gain']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        said = f"Gain over trial 0: {interval} in {row['score']} over {row['seeds']} fresh seeds."
        if found.verdict == "level":
            st.warning(text.escaped(f"{said} It cannot be told from 0: give each trial more seeds."))
        elif found.verdict == "worse":
            st.warning(text.escaped(f"{said} Trial 0 is better: give each trial more seeds."))
        else:
            st.success(text.escaped(said))
            text.commands(workspace, f"tune promote {found.spec.name} --as NAME")


def gain(found) -> None:
    on_dev = found.gain[found.gain["split"] == "dev"]
    if on_dev.empty:
        return
    st.subheader("Gain on fresh seeds, on dev", anchor=False)
    chart(
        found,
        studies.gains(on_dev),
        "gain",
        "Gain of the best trial over trial 0 by variable, with intervals",
    )
    download.table(found.gain, f"{found.spec.name} gain")


def tables(found, name: str) -> None:
    number = st.column_config.NumberColumn
    st.subheader("Numbers", anchor=False)
    st.dataframe(
        found.numbers,
        hide_index=True,
        placeholder="–",
        height="content",
        column_config={
            "number": "Number",
            "trial 0": number("Trial 0", format="%.4g"),
            "best": number("Best", format="%.4g"),
            "times": number("Times trial 0's", format="%.3g"),
            "importance": number("Importance", format="%.3f"),
        },
        key="numbers",
        alt="What trial 0 and the best trial drew",
    )
    download.table(found.numbers, f"{name} numbers")
    with st.expander(f"All trials ({len(found.trials)})"):
        st.dataframe(
            found.trials,
            hide_index=True,
            placeholder="–",
            height="content" if len(found.trials) <= 12 else 460,
            column_config=page.numbers(found.trials),
            key="trials",
            alt="Every trial with its objective and what it drew",
        )
        download.table(found.trials, f"{name} trials")


def chart(found, figure, key: str, alt: str) -> None:
    """A figure with the buttons that save it."""
    st.plotly_chart(figure, config=figures.config(f"{found.spec.name} {key}"), key=key, alt=alt)
    download.figure(
        partial(picture.drawn, figure, alt, f"study {found.spec.name} on {found.spec.dataset}"),
        partial(whence, found.spec.name, found.spec.dataset),
        f"{found.spec.name} {key}",
    )


def whence(study: str, dataset: str) -> dict:
    """Provenance that a figure's file states."""
    workspace = reading.workspace()
    known = {s.name: s for s in studies.records(str(workspace.root), workspace.database)}
    run_ids = dict.fromkeys(run_id for of_trial in known[study].trials.values() for run_id in of_trial)
    return origin.of_runs(list(run_ids), [dataset], f"tuning?study={study}")


def promoted(root: str, database: str, study: str | None) -> None:
    """Weights that were given a name, of this study or of all."""
    found = [w for w in studies.weight_sets(root, database) if study in (None, w.study)]
    if not found:
        return
    st.subheader("Promoted weights", anchor=False)
    table = pd.DataFrame(
        [
            {"name": w.name, "study": w.study, "trial": w.trial, "promoted": w.created, **dict(w.weights)}
            for w in found
        ]
    )
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={
            "promoted": st.column_config.DatetimeColumn("promoted (UTC)", format="YYYY-MM-DD HH:mm")
        },
        key="promoted",
        alt="Named weight sets",
    )
    st.caption('In a grid\'s [base]: `loss_weights = "NAME"`.')
    download.table(table, "promoted weights")


show()
