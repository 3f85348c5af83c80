"""Model and observation, step by step, at a place of the reader's choice."""

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import xarray as xr

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.tables import Tables
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.records import SEEN
from parts import address, download, figures, reading, series, text


def show(view: reading.RunView, save: Callable[[reading.RunView, go.Figure, str, str], None]) -> None:
    """The section of a completed run's page, from its monthly file and its dataset.

    `save` draws the buttons that save a figure of the run, by its title and the name of its file.
    """
    st.subheader("Modelled and observed", anchor=False)
    workspace = reading.workspace()
    try:
        monthly = reading.artifact(workspace, view.files, "monthly")
        ds = reading.dataset(workspace, view.dataset)
    except LandlabError as error:
        text.problem(error)
        return
    if monthly is None:
        st.info("This run left no monthly file.")
        return
    tables = view.record.spec.tables
    if not series.variables(monthly, ds, tables):
        st.info("The monthly file of this run holds no variable that is known here.")
        return
    withheld = reading.withheld(workspace, view.dataset, view.record.spec.split.model_dump_json())
    variable, place = choose_series(monthly, ds, tables, withheld)
    switched_on = reading.held_back_of(view.record.run_id) is not None
    what = series.series(monthly, ds, variable, place, tables, withheld, switched_on)
    split = series.splits(monthly)[place]
    warmup = Calendar.of(ds).steps_in_months(view.record.spec.warmup_months)
    record = view.record
    which = f"{view.setup}, seed {record.spec.seeds.init}, run {record.run_id[:8]}"
    title = f"{text.name(variable)} at {series.places(monthly)[place]} ({split})"
    st.markdown(f"**{text.escaped(title)}**  \n:small[:gray[{text.escaped(which)}]]")
    name = f"{variable} {series.places(monthly)[place].split(',')[0]} {record.run_id[:8]}"
    config = figures.config(name)
    left, right = st.columns([5, 2], gap="medium")
    with left:
        shown = figures.series(what, warmup)
        st.plotly_chart(shown, config=config, key="series", alt=f"{title}, by month")
        with st.container(horizontal=True):
            save(view, shown, title, name)
            download.table(lambda: series.table(what), f"months {name}")
    with right:
        if any(np.isfinite(x).any() for o in what.observed for x in (o.seen, o.withheld)):
            shown = figures.scatter(what, warmup)
            st.plotly_chart(shown, config=config, key="scatter", alt=f"{title}, modelled against observed")
            save(view, shown, f"{title}, modelled against observed", f"scatter {name}")
        elif switched_on or split in SEEN:
            st.caption(f"{text.name(variable)} was not observed here: the line is the model alone.")
        else:
            st.caption(
                f"A {split} place: its observations appear with the switch “test and withheld” of the skill, "
                "which is counted. The line is the model alone."
            )


def choose_series(
    monthly: xr.Dataset, ds: xr.Dataset, tables: Tables, withheld: np.ndarray | None
) -> tuple[str, int]:
    """The variable and the place to show; at first a train or dev place with the most observed months."""
    variables = series.variables(monthly, ds, tables)
    names, splits = series.places(monthly), series.splits(monthly)
    keys = {name.split(",")[0]: index for index, name in enumerate(names)}  # short in the address
    left, right, _ = st.columns([1, 2, 2])
    with left:
        address.restore("variable", variables, variables[0])
        variable = st.selectbox(
            "Variable",
            variables,
            key="variable",
            format_func=lambda v: f"{text.name(v)}, {registry.variables()[v].meaning}",
        )
        address.keep("variable", variables[0])
    count = series.steps_observed(monthly, ds, variable, withheld)
    held_out = splits == "test"  # looking at test is the reader's decision
    first = list(keys)[int(np.where(held_out, -1, count).argmax())]
    with right:
        address.restore("place", keys, first)
        place = st.selectbox(
            "Site" if "site" in monthly else "Place",
            list(keys),
            key="place",
            format_func=lambda key: (
                f"{names[keys[key]]} · {splits[keys[key]]} · {count[keys[key]]} {Calendar.of(ds).step}s observed"
            ),
        )
        address.keep("place", first)
    return variable, keys[place]
