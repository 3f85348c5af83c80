"""TOML files as people have them: each mistake is one line, whatever it makes the parser do."""

import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import expanded, read_toml


def test_a_byte_order_mark_is_no_content(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbfname = 'x'\r\n")
    assert read_toml(path, "none") == {"name": "x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("n = " + "9" * 100_000, "is not valid TOML: Exceeds the limit"),
        ("[a]\nn = [1, 9223372036854775808]", "a.n.1 is an integer of more than 64 bits"),
        ("n = -9223372036854775809", "n is an integer of more than 64 bits"),
        ("n = " + "[" * 10_000 + "]" * 10_000, "it is nested too deep"),
        ("n = " + "{a = " * 10_000 + "1" + "}" * 10_000, "it is nested too deep"),
        ("n = 0x" + "f" * 100_000, "n is an integer of more than 64 bits"),
        ("name = ", "is not valid TOML"),
    ],
    ids=["digits", "65 bits", "below", "arrays", "tables", "hexadecimal", "cut off"],
)
def test_what_breaks_the_parser_is_one_line(tmp_path, text, says):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(LandlabError) as caught:
        read_toml(path, "none")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_is_no_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LandlabError, match=r"^none$"):
        read_toml(tmp_path / "file" / "x.toml", "none")
    with pytest.raises(LandlabError, match="cannot be read: Is a directory"):
        read_toml(tmp_path, "none")


def test_home_directories(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    assert str(expanded("~root/x")).endswith("root/x")
    assert "~" not in str(expanded("~root/x"))
    assert str(expanded("a~b")) == "a~b"
    with pytest.raises(LandlabError, match="no home directory is known for ~nobody-such"):
        expanded("~nobody-such/x")
