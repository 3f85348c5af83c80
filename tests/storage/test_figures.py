"""Figure files with their provenance inside."""

import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from landlab_mgr.errors import LandlabError
from landlab_mgr.storage import figures

RUNS = {f"{i:016x}": f"{i:064x}" for i in range(340)}
MADE = {"analysis": {"filter": "setup.groups = 'PFT' and seed < 4 (näiv & \\ ]]> \")"}, "runs": RUNS}


def drawn():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1], [0, 1])
    return figure


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_what_is_put_in_comes_out_of_a_renamed_copy(suffix, tmp_path):
    path = tmp_path / f"f.{suffix}"
    figures.save(drawn(), path, MADE)
    copy = tmp_path / "copy"
    shutil.copy(path, copy)
    found = figures.read(copy)
    assert {key: found[key] for key in MADE} == MADE
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["copy", f"f.{suffix}"], "no temporaries"


def test_a_png_is_a_plain_picture_to_others(tmp_path):
    figures.save(drawn(), tmp_path / "with.png", MADE)
    drawn().savefig(tmp_path / "without.png", dpi=figures.DPI)
    with Image.open(tmp_path / "with.png") as a, Image.open(tmp_path / "without.png") as b:
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_a_figure_of_another_kind_or_damaged_is_refused(tmp_path):
    ours = tmp_path / "ours.png"
    figures.save(drawn(), ours, MADE)
    for name, content in {
        "text": b"hello",
        "empty": b"",
        "damaged.png": ours.read_bytes()[:400],
        "xml.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "bare.pdf": b"%PDF-1.4\n",
        "wrong.pdf": b"%PDF-1.4 landlab:AAAA",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LandlabError, match="is no figure of landlab's"):
            figures.read(tmp_path / name)
    drawn().savefig(tmp_path / "theirs.png")
    with pytest.raises(LandlabError, match="is no figure of landlab's"):
        figures.read(tmp_path / "theirs.png")
    for absent in (tmp_path / "absent.png", tmp_path):
        with pytest.raises(LandlabError, match="cannot read"):
            figures.read(absent)


def test_a_later_format_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "FORMAT", 2)
    figures.save(drawn(), tmp_path / "f.png", MADE)
    monkeypatch.undo()
    with pytest.raises(LandlabError, match="trace it with that or a newer one"):
        figures.read(tmp_path / "f.png")
