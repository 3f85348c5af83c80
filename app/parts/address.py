"""Widgets whose value lives in the address of the page, so that a view is shared by its link."""

from collections.abc import Collection

import streamlit as st


def restore(key: str, allowed: Collection[str] | None = None, default: str | None = None) -> None:
    """Before the widget of this key is drawn: give it what the address says, if somebody changed the address.

    That is a first visit, a link, or the browser's Back; otherwise the widget leads and the address follows.
    What is not allowed (any more) becomes the default.
    """
    said = st.query_params.get(key, default)
    if key not in st.session_state or said != st.session_state.get(_last(key)):
        st.session_state[key] = said
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


def _last(key: str) -> str:
    return f"{key} in the address"
