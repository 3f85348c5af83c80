"""Widgets whose value lives in the address of the page, so that a view is shared by its link."""

from collections.abc import Callable, Collection

import streamlit as st

from parts import text


def restore(key: str, allowed: Collection[str] | None = None, default: str | None = None) -> None:
    """Before the widget of this key is drawn: give it what the address says, if somebody changed the address.

    That is a first visit, a link, or the browser's Back; otherwise the widget leads and the address follows.
    What is not allowed (any more) becomes the default; where a link asked for it, the page says so.
    """
    said = st.query_params.get(key, default)
    if key not in st.session_state or said != st.session_state.get(_last(key)):
        st.session_state[key] = said
        if allowed is not None and said not in allowed and key in st.query_params:
            _stale(key, [said])
    if allowed is not None and st.session_state[key] not in allowed:
        st.session_state[key] = default


def keep(key: str, default: str | None = None) -> None:
    """After the widget of this key was drawn: put its value into the address, unless it is the default."""
    value = st.session_state[key] or None
    if value in (None, default):
        value = default
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != value:
        st.query_params[key] = value
    st.session_state[_last(key)] = value


def restore_many(
    key: str,
    allowed: Collection[str],
    default: Collection[str],
    known: Callable[[str], bool] = lambda value: False,
) -> None:
    """As `restore`, for a widget of several values, which are joined by commas in the address.

    Others than those allowed stay where they are `known`.
    """
    said = st.query_params.get(key)
    if key not in st.session_state or said != st.session_state.get(_last(key)):
        st.session_state[key] = list(default) if said is None else said.split(",")
        strange = [v for v in st.session_state[key] if v not in allowed and not known(v)]
        if said is not None and strange:
            _stale(key, strange)
    if said is None and st.session_state[key] == st.session_state.get(_default(key)):
        st.session_state[key] = list(default)  # nobody chose, and the default is another one now
    st.session_state[_default(key)] = list(default)
    st.session_state[key] = [value for value in st.session_state[key] if value in allowed or known(value)]


def keep_many(key: str, default: Collection[str]) -> None:
    """As `keep`, for a widget of several values."""
    values = list(st.session_state[key])
    said = None if values == list(default) else ",".join(values)
    if said is None:
        if key in st.query_params:
            del st.query_params[key]
    elif st.query_params.get(key) != said:
        st.query_params[key] = said
    st.session_state[_last(key)] = said


def toggled(key: str, label: str, default: bool, help: str | None = None) -> bool:
    """A switch whose state is in the address as 1 or 0."""
    said = st.query_params.get(key, str(int(default)))
    if key not in st.session_state or said != st.session_state.get(_last(key)):
        st.session_state[key] = said == "1"
    on = st.toggle(label, key=key, help=help)
    if on == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = str(int(on))
    st.session_state[_last(key)] = str(int(on))
    return on


def _stale(key: str, strange: Collection[str]) -> None:
    """Say that a link asks for what is not here (any more)."""
    asked = ", ".join(repr(value) for value in strange)
    st.warning(
        text.escaped(f"The link asks for {key} {asked}, which is not here; the page shows something else."),
        icon=":material/link_off:",
    )


def _last(key: str) -> str:
    return f"{key} in the address"


def _default(key: str) -> str:
    return f"{key} by default"
