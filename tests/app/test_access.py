"""Who may look, and that looking changes nothing."""

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from landlab_mgr.cli import main
from landlab_mgr.errors import LandlabError
from landlab_mgr.workspace import access

from .conftest import APP

SECRETS = """
[auth]
redirect_uri = "https://landlab.example.org/oauth2callback"
cookie_secret = "long"
client_id = "a"
client_secret = "b"
server_metadata_url = "https://login.example.org/.well-known/openid-configuration"
"""


def test_pages_cannot_write(made):
    """All pages read through `reading`, which opens the catalog so; counting a look at test skill is the exception."""
    with made.workspace.open(read_only=True) as catalog:
        with pytest.raises(LandlabError, match="for reading only"):
            catalog.cancel([made.runs["pending"]])
        with pytest.raises(LandlabError, match="readonly"), catalog.transaction() as tx:
            tx.exec_driver_sql("DELETE FROM tag")
    sources = {path.name: path.read_text().splitlines() for path in APP.rglob("*.py")}
    for_writing = [n for n, lines in sources.items() if any(".open()" in line for line in lines)]
    assert sorted(for_writing) == [
        "maps.py",
        "reading.py",
    ]  # each where it counts a look at what is held back


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_this_machine_needs_no_login(address, tmp_path):
    access.check(address, (tmp_path / "none.toml",))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "landlab.example.org", ""])
def test_others_need_one(address, tmp_path):
    with pytest.raises(LandlabError, match="no login is configured"):
        access.check(address, (tmp_path / "none.toml",))


@pytest.mark.parametrize("key", ["redirect_uri", "cookie_secret", "client_id", "server_metadata_url"])
def test_what_lacks_is_named(key, tmp_path):
    file = tmp_path / "secrets.toml"
    file.write_text("\n".join(line for line in SECRETS.splitlines() if not line.startswith(key)))
    with pytest.raises(LandlabError, match=key):
        access.check("0.0.0.0", (file,))


def test_a_complete_login_opens_the_door_where_streamlit_can_do_it(tmp_path, monkeypatch):
    file = tmp_path / "secrets.toml"
    file.write_text(SECRETS)
    found: dict[str, object] = {"authlib": None}
    monkeypatch.setattr(access.importlib.util, "find_spec", lambda name: found[name])
    with pytest.raises(LandlabError, match="pip install Authlib"):
        access.check("0.0.0.0", (file,))
    found["authlib"] = object()
    access.check("0.0.0.0", (file,))
    file.write_text(SECRETS.replace("client_id", "[auth.ours]\nclient_id"))  # a provider with a name
    access.check("0.0.0.0", (file,))
    file.write_text("auth = [")
    with pytest.raises(LandlabError, match="is not valid TOML"):
        access.check("0.0.0.0", (file,))


def test_the_command_refuses_in_one_line(made, monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    argv = ["landlab", "app", "-w", str(made.workspace.root), "--address", "0.0.0.0", "--no-browser"]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = capfd.readouterr().err.strip()
    assert "--address 0.0.0.0 lets others in" in said
    assert "\n" not in said


def test_a_server_that_others_reach_shows_nothing_without_a_login(open_app, made, monkeypatch):
    monkeypatch.setattr(
        st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else config.get_option(name)
    )
    app = open_app(made.workspace.root)
    assert not app.exception
    assert "no login, no pages" in app.error[0].value
    assert not app.dataframe


def test_with_a_login_configured_everybody_logs_in(open_app, made, monkeypatch):
    monkeypatch.setattr(secrets_singleton, "load_if_toml_exists", lambda: True)
    monkeypatch.setattr(secrets_singleton, "_secrets", {"auth": {"redirect_uri": "x"}})
    app = open_app(made.workspace.root)
    assert not app.exception
    assert [b.label for b in app.button] == ["Log in"]
    assert not app.dataframe
