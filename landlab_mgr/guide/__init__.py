"""The guide: pages in Markdown beside this file, and the tables in them that are made from the code.

A page is named after its file. A line such as `<!-- table: run -->` is where `tables` puts a table.
"""

import difflib
import re
from pathlib import Path
from typing import NamedTuple

from landlab_mgr.errors import LandlabError

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "pictures"
SECTIONS = {
    "Start": ("index", "words", "first-ensemble", "your-own-data", "app"),
    "Experiments": ("grids", "filters", "tuning", "predictions", "workers-and-clusters"),
    "Analyses": (
        "analyses",
        "analysis-skill",
        "analysis-partition",
        "analysis-partition_map",
        "analysis-benchmark",
        "analysis-identify",
        "analysis-parameters",
        "analysis-pca",
        "analysis-shap",
        "analysis-towers",
        "analysis-curve",
        "analysis-trust",
        "analysis-calibration",
        "analysis-intervals",
        "analysis-budget",
        "analysis-mapcompare",
        "analysis-pixels",
        "analysis-seasons",
        "analysis-drought",
        "analysis-split_map",
        "analysis-complexity",
        "analysis-response",
        "analysis-basins",
        "analysis-hydrograph",
    ),
    "Extend": ("model-of-your-own", "python"),
    "Reference": ("commands", "science", "campaign", "speed", "decisions", "other-tools", "changelog"),
}
"""Names of the pages, in the order in which they are read."""

TABLE = re.compile(r"^<!-- table: ([\w ]+?) -->.*$", re.MULTILINE)
"""A line that a table takes the place of; text after the mark is for readers of the bare file."""
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([a-z_-]+)\.md(#[\w-]+)?\)")
"""A link to another page."""
PICTURE = re.compile(r"^!\[([^\]]*)\]\(([^)]+)\)$", re.MULTILINE)
"""A picture, in a line of its own: its caption and its file."""


class Page(NamedTuple):
    """A page of the guide: its name, section, title, and the first sentence under it."""

    name: str
    section: str
    title: str
    summary: str

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / f"{self.name}.md"


def pages() -> list[Page]:
    """Every page, in the order in which they are read."""
    return [_page(name, section) for section, names in SECTIONS.items() for name in names]


def page(name: str) -> Page:
    """Return the page of this name.

    LandlabError with near names where there is none.
    """
    names = [n for of_section in SECTIONS.values() for n in of_section]
    section = next((s for s, of_section in SECTIONS.items() if name in of_section), None)
    if section is None:
        endings = [n for n in names if n.endswith(f"-{name}")]  # skill: analysis-skill
        near = endings or difflib.get_close_matches(name, names, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "`landlab guide` lists the pages"
        raise LandlabError(f"the guide has no page {name!r}: {hint}")
    return _page(name, section)


def _page(name: str, section: str) -> Page:
    title, _, rest = source(name).removeprefix("# ").partition("\n")
    paragraph = " ".join(rest.strip().split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.?])\s", paragraph)[0]
    return Page(name, section, title, re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", sentence))


def source(name: str) -> str:
    """Read a page as it is written."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")
