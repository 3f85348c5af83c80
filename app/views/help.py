"""Help: the guide that ships with the package, page by page."""

import streamlit as st

from landlab_mgr import guide
from landlab_mgr.guide import tables
from parts import address

FIRST = "index"


def show() -> None:
    pages = {p.name: p for p in guide.pages()}
    address.restore("topic", pages, FIRST)
    with st.container(width=900):
        st.selectbox(
            "Page of the guide",
            list(pages),
            key="topic",
            format_func=lambda n: f"{pages[n].section} · {pages[n].title.partition(':')[0]}",
        )
        address.keep("topic", FIRST)
        body(st.session_state["topic"])


def body(name: str) -> None:
    """A page, its pictures between its texts."""
    parts = guide.PICTURE.split(content(name))
    st.markdown(parts[0])
    for caption, picture, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        st.image(guide.FOLDER / picture, caption=caption)
        st.markdown(rest)


@st.cache_data
def content(name: str) -> str:
    """A page with its tables, and with links to other pages of the guide as links to this page of the app."""
    return guide.LINK.sub(r"[\1](help?topic=\2)", tables.text(name, command_line))


def command_line() -> tables.Commands:
    """The root of the command line."""
    import typer

    from landlab_mgr import cli

    return typer.main.get_command(cli.app)  # type: ignore[return-value]


show()
