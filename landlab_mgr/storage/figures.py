"""Figure files that know where they come from: PNG, SVG or PDF, written whole, with their provenance inside."""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from landlab_mgr import __version__
from landlab_mgr.errors import LandlabError
from landlab_mgr.storage.location import check_place, replace_durably

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
KEY = "landlab"
"""The text chunk of a PNG that holds the provenance; what an SVG's description and a PDF's keywords begin with."""
FORMAT = 1
DPI = 150
MAX_BYTES = 16 * 2**20
"""Provenance of more than this is not ours."""
_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


def check_target(path: str | Path) -> Path:
    """Check that a figure can be written to a path, and return it.

    Raises:
        LandlabError: before anything is computed, where none can be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise LandlabError(f"{path}: a figure is {', '.join(SUFFIXES)}; give it one of these endings")
    return check_place(path)


def save(figure: "Figure", path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write a figure whole or not at all, in the format of its suffix; `read` returns the provenance again.

    LandlabError where it cannot be written.
    """
    path = check_target(path)
    kind = path.suffix.lower().removeprefix(".")
    text = json.dumps({"format": FORMAT, "landlab": __version__, **provenance}, sort_keys=True)
    options = _options(kind, text)
    try:
        replace_durably(path, lambda temporary: figure.savefig(temporary, format=kind, dpi=DPI, **options))
    except OSError as error:
        raise LandlabError(f"cannot write {path}: {error.strerror or error}; name another place") from None


def read(path: str | Path) -> dict[str, Any]:
    """Read the provenance in a figure file, whatever its name.

    Raises:
        LandlabError: where the file has none.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LandlabError(f"cannot read {path}: {error.strerror or error}; name a figure") from None
    try:
        provenance = json.loads(_text(path, content))
    except Exception:  # whatever a damaged or foreign file makes its reader raise
        provenance = None
    if not isinstance(provenance, dict) or "format" not in provenance:
        raise LandlabError(
            f"{path} is no figure of landlab's: no provenance in it; name a PNG, SVG or PDF of its"
        )
    if provenance["format"] != FORMAT:
        raise LandlabError(
            f"{path} was made by landlab {provenance.get('landlab')!r}; trace it with that or a newer one"
        )
    return provenance


def _options(kind: str, text: str) -> dict[str, Any]:
    """Return the `savefig` options that put the text into a file of this kind."""
    if kind == "png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("Software", f"landlab {__version__}")
        info.add_text(KEY, text, zip=True)  # compressed: hundreds of run ids
        return {"pil_kwargs": {"pnginfo": info}}
    if kind == "svg":
        return {"metadata": {"Description": f"{KEY}:{text}", "Creator": f"landlab {__version__}"}}
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()  # nothing for PDF's strings to escape
    return {"metadata": {"Keywords": f"{KEY}:{packed}", "Creator": f"landlab {__version__}"}}


def _text(path: Path, content: bytes) -> str:
    if content.startswith(b"\x89PNG"):
        from PIL import Image

        with Image.open(path) as image:
            image.load()
            return str(image.info[KEY])
    if content.startswith(b"%PDF"):
        found = re.search(KEY.encode() + rb":([A-Za-z0-9+/=]+)", content)
        if found is None:
            return ""
        return zlib.decompressobj().decompress(base64.b64decode(found[1]), MAX_BYTES).decode()
    described = ElementTree.fromstring(content).iter(_DESCRIPTION)
    return next(d.text or "" for d in described).removeprefix(f"{KEY}:")
