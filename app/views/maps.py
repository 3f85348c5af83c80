"""Maps of an ensemble or of one run: parameters, skill, the group that brings most, principal components."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from landlab_mgr.analysis import of_models
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Derived, Parameter, Tables
from parts import (
    address,
    canvasmap,
    download,
    ensembles,
    figures,
    mapfigures,
    maps,
    origin,
    page,
    reading,
    results,
    text,
)

KINDS = {
    "parameter": "Parameter",
    "skill": "Skill",
    "group": "Leading group",
    "component": "Component",
}
PIXELS = {
    "seen": "train + dev pixels",
    "dev": "dev pixels",
    "test": "test pixels (counted)",
    "withheld": "withheld months (counted)",
}
SPREAD, TRUTH, NOTHING = "spread", "truth", "nothing"


def show() -> None:
    workspace = reading.workspace()
    root, database = str(workspace.root), workspace.database
    if page.no_runs(page.header("Maps")):
        return
    switches = st.container(horizontal=True, gap="medium", vertical_alignment="center")
    with switches:
        kind = asked("kind", list(KINDS), "Map of", KINDS)
    choice = which_runs(root, database)
    try:
        if kind in ("parameter", "skill"):
            of_members(switches, choice, kind)
        else:
            of_result(switches, root, database, choice, kind)
    except LandlabError as error:
        text.problem(error)


def asked(
    key: str, options: Sequence[str], label: str, names: dict[str, str], default: str | None = None
) -> str:
    """One of a few things, all to be seen at once."""
    default = default or options[0]
    address.restore(key, options, default)
    st.segmented_control(
        label, options, key=key, required=True, format_func=lambda o: names[o], label_visibility="collapsed"
    )
    address.keep(key, default)
    return st.session_state[key]


def which_runs(root: str, database: str) -> ensembles.Choice:
    """Choice of runs: an ensemble, a grid, all, or the one that the address names."""
    every = {c.key: c for c in ensembles.choices(root, database, one_run())}
    first = next(iter(every))
    address.restore("runs", every, first)
    st.selectbox("Runs", list(every), key="runs", format_func=lambda key: every[key].label)
    address.keep("runs", first)
    return every[st.session_state["runs"]]


def which_members(runs: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Of these runs those of one setup, all or one of them, and what the setup is called."""
    setups = list(dict.fromkeys(runs["setup"]))
    left, right = st.columns([3, 1])
    with left:
        fullest = max(setups, key=lambda s: s.split(",")[0].count("+"))
        address.restore("setup", setups, fullest)
        st.selectbox("Setup", setups, key="setup")
        address.keep("setup", fullest)
    setup = st.session_state["setup"]
    of_setup = runs[runs["setup"] == setup]
    with right:
        names = {"all": f"all {len(of_setup)}"} | {
            run_id: f"seed {seed}" for run_id, seed in zip(of_setup["run_id"], of_setup["seed"], strict=True)
        }
        address.restore("member", names, "all")
        st.selectbox("Members", list(names), key="member", format_func=names.__getitem__)
        address.keep("member", "all")
    member = st.session_state["member"]
    return of_setup if member == "all" else of_setup[of_setup["run_id"] == member], setup


def one_run() -> str | None:
    """The run that the address asks for, if it asks for one."""
    kind, _, run_id = st.query_params.get("runs", "").partition(":")
    return run_id if kind == "run" else None


def of_members(switches: DeltaGenerator, choice: ensembles.Choice, kind: str) -> None:
    """The mean over members of a parameter or of skill, and beside it their spread, the truth or another setup."""
    workspace = reading.workspace()
    root, database = str(workspace.root), workspace.database
    completed = ensembles.members(root, database, choice.filter)
    if completed.empty:
        page.empty(f"No completed run in {choice.label}; train what is pending:", "run")
        return
    runs, setup = which_members(completed)
    datasets = list(dict.fromkeys(runs["dataset"]))
    if len(datasets) > 1:
        raise LandlabError(
            f"these runs are of several datasets ({', '.join(datasets)}); choose a grid of one"
        )
    left, right = st.columns([3, 1])
    with left:
        tables = registry.tables(runs["model"].iloc[0])  # runs of one setup are of one model
        quantity = of_parameter(tables) if kind == "parameter" else of_skill(runs)
    if quantity is None:
        return
    with right:
        of = tables if kind == "parameter" else None
        beside = what_beside(root, database, choice, runs, setup, of, datasets[0])
    made, spread = quantity(runs, "mean" if len(runs) > 1 else "value", setup, choice)
    panels, used = [made], list(runs["run_id"])
    if beside == SPREAD:
        panels.append(spread)
    elif beside == TRUTH:
        name = st.session_state["of"]
        true = maps.true_parameter(workspace, datasets[0], tables, name)
        parameter = maps.of_model(tables)[name]
        panels.append(maps.of_parameter(parameter, true, "truth", "Truth (the twin planet's)"))
    elif beside != NOTHING:
        others = ensembles.members(root, database, choice.filter)
        others = others[others["setup"] == beside]
        panels.append(quantity(others, "other", beside, choice)[0])
        used += list(others["run_id"])
    draw(switches, maps.places(workspace, datasets[0]), panels, datasets, used, choice.label)


def of_parameter(tables: Tables):
    """Ask which parameter of a model; returns what makes its panels of runs, None for a model without parameters."""
    workspace = reading.workspace()
    parameters = maps.of_model(tables)
    if not parameters:
        st.info(text.escaped(f"Model {tables.name} has no parameters; choose another kind of map."))
        return None
    default = of_models.mapped(tables)
    address.restore("of", parameters, default)
    st.selectbox(
        "Parameter", list(parameters), key="of", format_func=lambda name: parameter_name(parameters[name])
    )
    address.keep("of", default)
    name = st.session_state["of"]

    def panels(runs: pd.DataFrame, column: str, setup: str, choice: ensembles.Choice):
        found = maps.parameters(workspace, runs, name)
        mean = maps.of_parameter(parameters[name], found.mean, column, f"{setup}: {said(runs, found)}")
        return mean, maps.variation(name, found)

    return panels


def parameter_name(parameter: Parameter | Derived) -> str:
    return f"{maps.quantity(parameter.name, parameter.unit)} · {parameter.meaning}"


def of_skill(runs: pd.DataFrame):
    """Ask whose skill, which statistic and at which pixels; returns what makes its panels of runs."""
    workspace = reading.workspace()
    variables = ensembles.skilled(str(workspace.root), workspace.database, tuple(runs["run_id"]))
    order = [*registry.variables(), *registry.streams()]
    variables.sort(key=lambda v: order.index(v) if v in order else len(order))
    if not variables:
        st.info("No run here has skill on dev: nothing was observed there.")
        return None
    left, middle, right = st.columns(3)
    with left:
        address.restore("variable", variables, variables[0])
        st.selectbox("Variable", variables, key="variable", format_func=text.name)
        address.keep("variable", variables[0])
    with middle:
        address.restore("statistic", maps.STATISTICS, "R2")
        st.selectbox(
            "Statistic", list(maps.STATISTICS), key="statistic", format_func=maps.STATISTICS.__getitem__
        )
        address.keep("statistic", "R2")
    with right:
        address.restore("pixels", PIXELS, "seen")
        st.selectbox("Where", list(PIXELS), key="pixels", format_func=PIXELS.__getitem__)
        address.keep("pixels", "seen")
    variable, statistic, pixels = (st.session_state[key] for key in ("variable", "statistic", "pixels"))

    def panels(runs: pd.DataFrame, column: str, setup: str, choice: ensembles.Choice):
        of_setup = f"run in ({', '.join(map(repr, runs['run_id']))})" if len(runs) < 100 else choice.filter
        maps.look(workspace, of_setup, runs, pixels)
        found = maps.skill(workspace, runs, variable, statistic, pixels)
        title = f"{setup}: {said(runs, found)}, {PIXELS[pixels].removesuffix(' (counted)')}"
        mean = maps.of_skill(variable, statistic, found.mean, column, title)
        return mean, maps.deviation(mean.label, found)

    return panels


def said(runs: pd.DataFrame, found: maps.Spread) -> str:
    return f"mean of {maps.members(found)}" if len(runs) > 1 else f"seed {runs['seed'].iloc[0]}"


def what_beside(
    root: str,
    database: str,
    choice: ensembles.Choice,
    runs: pd.DataFrame,
    setup: str,
    tables: Tables | None,
    dataset: str,
) -> str:
    """Choice of the second panel; `tables`: of the model whose parameter the first one shows; None for skill."""
    names = {}
    if len(runs) > 1:
        names[SPREAD] = "spread over members"
    if (
        tables
        and maps.true_parameter(reading.workspace(), dataset, tables, st.session_state["of"]) is not None
    ):
        names[TRUTH] = "truth"
    others = ensembles.members(root, database, choice.filter)
    others = others[(others["dataset"] == dataset) & (others["setup"] != setup)]
    if tables:  # of another model it is another quantity
        others = others[others["model"] == tables.name]
    names |= {other: other for other in dict.fromkeys(others["setup"])}
    names[NOTHING] = "nothing"
    first = next(iter(names))
    address.restore("beside", names, first)
    st.selectbox("Beside it", list(names), key="beside", format_func=names.__getitem__)
    address.keep("beside", first)
    return st.session_state["beside"]


def of_result(
    switches: DeltaGenerator, root: str, database: str, choice: ensembles.Choice, kind: str
) -> None:
    """The map of a result on record: the leading group of a `partition_map`, a component of a `pca`."""
    name = "partition_map" if kind == "group" else "pca"
    found = {r.id: r for r in results.about(results.records(root, database), choice) if r.name == name}
    if not found:
        if not ensembles.labels(root, database, choice.filter):
            page.empty(f"No completed run in {choice.label}; train what is pending:", "run")
            return
        ways = results.ways(root, database, name, choice.filter)
        verbs = [way.verb for way in ways if way.refused is None]
        if verbs:
            page.empty(f"No {name} of {choice.label} is on record; this makes one:", verbs[0])
        else:
            st.info(text.escaped(f"No {name} of {choice.label} is on record, and none can be made yet:"))
            st.code(results.refused(ways), language=None, wrap_lines=True)
        return
    left, right = st.columns(2)
    with left:
        first = next(iter(found))
        address.restore("result", found, first)
        st.selectbox(
            "Result",
            list(found),
            key="result",
            format_func=lambda id: (
                f"{found[id].created:%Y-%m-%d %H:%M} · {results.said(found[id])} · {found[id].filter or 'all runs'}"
            ),
        )
        address.keep("result", first)
    shown = results.shown(root, database, st.session_state["result"])
    ds, made = shown.result.dataset, shown.result.provenance
    dim = "variable" if kind == "group" else "component"
    options = [str(v) for v in ds[dim].values]
    with right:
        address.restore(dim, options, options[0])
        st.selectbox(dim.capitalize(), options, key=dim, format_func=text.name)
        address.keep(dim, options[0])
    chosen = st.session_state[dim]
    panels = maps.of_groups(ds, chosen) if kind == "group" else [maps.of_component(ds, chosen)]
    if shown.stale:
        st.warning(
            text.escaped("Not of what the catalog holds now: " + "; ".join(c.detail for c in shown.stale)),
            icon=":material/history:",
        )
    names = [d["name"] for d in made["datasets"]]
    where = maps.Places(ds["lat"].values, ds["lon"].values)
    draw(switches, where, panels, names, list(made["runs"]), f"{name} {shown.result.record.id[:8]}")


def draw(
    switches: DeltaGenerator,
    where: maps.Places,
    panels: list[maps.Panel],
    datasets: list[str],
    run_ids: list[str],
    label: str,
) -> None:
    """The figure, what its colours leave out, and its downloads."""
    narrow = "Mobile" in st.context.headers.get("User-Agent", "")
    with switches:
        stacked = len(panels) > 1 and address.toggled("stacked", "Below each other", narrow)
        same = len(panels) > 1 and panels[0].label == panels[1].label and panels[0].how == panels[1].how
        if same and address.toggled("shared", "One colour scale", True):
            panels = maps.alike(panels)
    synthetic = {d.name for d in reading.contents(*here()).datasets if d.kind == "synthetic"}
    marked = ", synthetic data" if synthetic & set(datasets) else ""
    n = max(int((panel.values == panel.values).sum()) for panel in panels)
    if (grid := mapfigures.raster(where)) is not None:
        canvasmap.show(where, grid, panels, stacked, key="map")
    else:
        st.plotly_chart(
            mapfigures.figure(where, panels, stacked, narrow),
            config=figures.config(f"map {panels[0].label}") | {"scrollZoom": True},
            theme=None,
            key="map",
            alt=f"Map of {panels[0].label}, {n} pixels",
        )
    shown = f"{n:,} of {len(where.lat):,} pixels have a value{marked}."
    if any(panel.how in ("amount", "spread") for panel in panels):
        shown += " Colours end at the 2nd and 98th percentile; hovering tells the value."
    shown += " Drag to move, scroll to zoom, double-click to go back"
    st.caption(shown + ("; both panels move together." if len(panels) > 1 else "."))
    name = f"map {panels[0].label} {label}"
    title = f"{label}{marked} (n = {n:,} pixels, {len(run_ids)} runs)"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        download.table(partial(maps.table, where, panels), name)
        link = "maps?" + "&".join(f"{k}={v}" for k, v in st.query_params.to_dict().items())
        download.figure(
            partial(mapfigures.on_paper, where, panels, title),
            partial(origin.of_runs, run_ids, datasets, link),
            name,
        )
    origin.show({"Runs": label, "Data": ", ".join(datasets)}, run_ids, name)


def here() -> tuple[str, str]:
    workspace = reading.workspace()
    return str(workspace.root), workspace.database


show()
