"""The door: who is not on this machine logs in first, by OpenID Connect as Streamlit does it."""

import streamlit as st
from streamlit.runtime.secrets import secrets_singleton

from landlab_mgr.workspace import access


def admitted() -> bool:
    """True where whoever looks may see the pages; if not, what they can do about it is on the screen.

    Where [auth] is in secrets.toml everybody logs in. Where it is not, the server must listen to this machine only:
    `landlab app` refuses to start otherwise, and this is for those who start Streamlit by themselves.
    """
    auth = (
        secrets_singleton["auth"] if secrets_singleton.load_if_toml_exists() and "auth" in st.secrets else {}
    )
    if auth:
        if st.user.get("is_logged_in"):
            return True
        st.title("landlab", anchor=False)
        for provider in access.providers(auth) or [""]:
            name = f"Log in with {provider}" if provider else "Log in"
            st.button(name, on_click=st.login, args=[provider] if provider else [], key=f"log in {provider}")
        return False
    address = st.get_option("server.address")
    if address is None or access.is_loopback(address):
        return True
    st.error(
        "This app is open to others than its own machine, and asks nobody who they are: no login, no pages."
    )
    st.code("landlab app", language="shell")
    return False
