"""Analyses: what is on record about ensembles: figure, table, and where it comes from. Nothing is computed here."""

import functools
import shlex

import streamlit as st

from landlab_mgr import analysis
from landlab_mgr.catalog.records import AnalysisRecord
from landlab_mgr.errors import LandlabError
from landlab_mgr.records import SEEN
from parts import address, download, ensembles, origin, page, reading, results, text


def show() -> None:
    workspace = reading.workspace()
    root, database = str(workspace.root), workspace.database
    if page.no_runs(page.header("Analyses")):
        return
    choice, name = choose(root, database)
    st.caption(text.escaped(analysis.find(name).summary))
    found = [r for r in results.about(results.records(root, database), choice) if r.name == name]
    if not found:
        none_yet(root, database, choice, name)
        return
    record = which(found)
    try:
        shown = results.shown(root, database, record.id)
    except LandlabError as error:
        text.problem(error)
        return
    warn(shown)
    png = results.png(shown)
    st.image(png, width=min(shown_width(png), 1180), alt=f"Figure of analysis {name}")
    save(shown)
    notes = str(shown.result.dataset.attrs.get("notes", "")).splitlines()
    st.markdown("\n".join(f"- {text.escaped(note)}" for note in notes if note))
    table(shown)
    whence(shown)
    with st.expander("Options"):
        st.caption("The app computes nothing. On the command line, `-o KEY=VALUE` sets an option:")
        st.dataframe(results.options(name), hide_index=True, key="options", alt="Options of the analysis")
        text.commands(workspace, asking(choice, name))


def choose(root: str, database: str) -> tuple[ensembles.Choice, str]:
    """Of which runs, and which analysis."""
    choices = {c.key: c for c in ensembles.choices(root, database)}
    every = results.records(root, database)
    latest = next((c.key for r in every[:1] for c in choices.values() if results.about([r], c)), "all")
    left, right = st.columns(2)
    with left:
        address.restore("runs", choices, latest)
        st.selectbox("Runs", list(choices), key="runs", format_func=lambda key: choices[key].label)
        address.keep("runs", latest)
    choice = choices[st.session_state["runs"]]
    count: dict[str, int] = {}
    for record in results.about(every, choice):
        count[record.name] = count.get(record.name, 0) + 1
    names = list(analysis.registry())
    first = next((n for n in names if count.get(n)), names[0])
    with right:
        address.restore("analysis", names, first)
        st.selectbox(
            "Analysis",
            names,
            key="analysis",
            format_func=lambda n: (
                f"{n.replace('_', ' ')} · {count.get(n) or 'no'} result{'s' * (count.get(n) != 1)}"
            ),
        )
        address.keep("analysis", first)
    return choice, st.session_state["analysis"]


def which(found: list[AnalysisRecord]) -> AnalysisRecord:
    """One of several results of an analysis, the newest at first."""
    by_id = {r.id: r for r in found}
    address.restore("result", by_id, found[0].id)
    if len(found) > 1:
        st.selectbox("Result", list(by_id), key="result", format_func=lambda id: described(by_id[id]))
    address.keep("result", found[0].id)
    return by_id[st.session_state["result"]]


def described(record: AnalysisRecord) -> str:
    when = f"{record.created:%Y-%m-%d %H:%M}" if record.created else ""
    return f"{when} · {results.said(record)} · {record.filter or 'every completed run'}"


def none_yet(root: str, database: str, choice: ensembles.Choice, name: str) -> None:
    """The command that makes the result, for all of the runs and for those of one setup."""
    if not ensembles.labels(root, database, choice.filter):
        page.empty(f"{choice.label} has no completed run yet. Train:".capitalize(), "run")
        return
    ways = results.ways(root, database, name, choice.filter)
    verbs = [way.verb for way in ways if way.refused is None]
    if not verbs:
        st.info(
            text.escaped(f"No result of {name} is on record for {choice.label}, and none can be made yet:")
        )
        st.code(results.refused(ways), language=None, wrap_lines=True)
    else:
        second = " (the second line: of one setup):" if len(verbs) > 1 else ":"
        page.empty(f"No result of {name} is on record for {choice.label}. This makes it{second}", *verbs)
    st.dataframe(results.options(name), hide_index=True, key="options", alt="Options of the analysis")


def asking(choice: ensembles.Choice, name: str, filter: str | None = None) -> str:
    """The verb that computes an analysis of these runs."""
    asked = choice.filter if filter is None else filter
    return f"analyse {name} {ensembles.shell(asked)}" if asked else f"analyse {name}"


def warn(shown: results.Shown) -> None:
    """Badges: synthetic, of held-back splits, or of what has changed since."""
    result = shown.result
    splits = result.provenance["analysis"]["splits"]
    with st.container(horizontal=True):
        if any(d["kind"] == "synthetic" for d in result.provenance["datasets"]):
            st.badge("synthetic data", color="orange", icon=":material/science:")
        if held_back := [s for s in splits if s not in SEEN]:
            st.badge(f"reads {' and '.join(held_back)}", color="violet", icon=":material/visibility:")
    if shown.stale:
        said = "; ".join(
            f"{change.detail}{': ' + download.names(change.runs) if change.runs else ''}"
            for change in shown.stale
        )
        st.warning(
            text.escaped(f"This result is not of what the catalog holds now: {said}. Make it again:"),
            icon=":material/history:",
        )
        record = result.record
        of = f" {ensembles.shell(record.filter)}" if record.filter else ""
        chosen = "".join(f" -o {shlex.quote(f'{k}={v}')}" for k, v in changed_options(shown).items())
        text.commands(reading.workspace(), f"analyse {record.name}{of}{chosen}")


def changed_options(shown: results.Shown) -> dict:
    fields = shown.result.analysis.options.model_fields
    return {k: v for k, v in shown.result.record.options.items() if v != fields[k].default}


def shown_width(png: bytes) -> int:
    """Width of a PNG in pixels, at the scale at which its letters are as large as the page's."""
    return int(int.from_bytes(png[16:20], "big") * 0.72)


def save(shown: results.Shown) -> None:
    """Buttons for the figure, as `landlab analyse --figure` writes it."""
    with st.container(horizontal=True, gap="small"):
        for kind, mime in download.MIME.items():
            st.download_button(
                f"Download {kind.upper()}",
                functools.partial(results.picture, shown.result, kind),
                results.file_name(shown.result, kind),
                mime,
                key=f"figure {kind}",
                icon=download.ICON,
                type="tertiary",
                on_click="ignore",
            )


def table(shown: results.Shown) -> None:
    st.subheader("Table", anchor=False)
    st.dataframe(
        shown.table,
        hide_index=True,
        placeholder="–",
        height="content" if len(shown.table) <= 16 else 560,
        column_config=page.numbers(shown.table),
        key="table",
        alt=f"Table of analysis {shown.result.record.name}",
    )
    download.table(shown.table, f"{shown.result.record.name} {shown.result.record.id[:8]}")


def whence(shown: results.Shown) -> None:
    """Options, data, code, splits, runs."""
    record, made = shown.result.record, shown.result.provenance
    code = made["code"]
    commit = f"commit {str(code['commit'])[:10]}" if code.get("commit") else "an installed package"
    commit += " with uncommitted changes" if code.get("dirty_hash") else ""
    facts = {
        "Analysis": record.id,
        "Options": ", ".join(f"{k}={v}" for k, v in record.options.items() if v != "") or "none",
        "Filter": record.filter or "every completed run",
        "Data": "; ".join(f"{d['name']} ({d['fingerprint']}, {d['kind']})" for d in made["datasets"]),
        "Splits read": ", ".join(made["analysis"]["splits"]) or "none",
        "Files read": ", ".join(made["analysis"]["kinds"]) or "none",
        "Code": commit,
        "landlab": record.environment.get("versions", {}).get("landlab_mgr"),
        "Computed": str(made["created"]),
        "Result": f"{record.path}, sha256 {record.sha256[:16]}",
        "Since then": "; ".join(change.detail for change in shown.changes) or "nothing changed",
    }
    origin.show(facts, list(made["runs"]), f"{record.name} {record.id[:8]}")


show()
