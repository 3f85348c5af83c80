"""Access to the app: this machine alone, or others after a login. JAX-free."""

import importlib.util
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import read_toml

NEEDED = ("redirect_uri", "cookie_secret")
CLIENT = ("client_id", "client_secret", "server_metadata_url")
"""Settings that Streamlit's OIDC login needs of a provider, in [auth] or in [auth.NAME]."""


def is_loopback(address: str) -> bool:
    """Check whether only this machine can reach an address.

    A name other than localhost is taken for one that others can.
    """
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def providers(auth: Mapping[str, Any]) -> list[str]:
    """Names of the providers of an [auth] section that can be logged in with; "" for the one without a name."""
    named = {name: content for name, content in auth.items() if isinstance(content, Mapping)}
    return [name for name, content in {"": auth, **named}.items() if all(content.get(key) for key in CLIENT)]


def check(address: str, files: tuple[Path, ...] | None = None) -> None:
    """LandlabError where the app would listen to others than this machine without asking who they are.

    `files` are those in which Streamlit looks for secrets; by default those of the user and of this directory.
    """
    if is_loopback(address):
        return
    auth: dict[str, Any] = {}
    for path in files or tuple(d / ".streamlit" / "secrets.toml" for d in (Path.home(), Path.cwd())):
        auth |= _section(path)
    lacking = [key for key in NEEDED if not auth.get(key)] + ([] if providers(auth) else [*CLIENT])
    if lacking:
        raise LandlabError(
            f"--address {address} lets others in, and no login is configured: [auth] in .streamlit/secrets.toml lacks "
            f"{', '.join(lacking)}; see Streamlit's documentation of st.login, or leave --address out and use ssh -L"
        )
    if importlib.util.find_spec("authlib") is None:
        raise LandlabError(
            f"--address {address} needs a login, and that needs Authlib; `pip install Authlib`"
        )


def _section(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = read_toml(path, f"no file {path}").get("auth", {})
    return found if isinstance(found, dict) else {}
