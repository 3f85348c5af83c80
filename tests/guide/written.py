"""Code blocks, commands and links of the guide's pages and the README."""

import re
import shlex
from pathlib import Path

from landlab_mgr import guide

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
PAGES = [p.name for p in guide.pages()]
SOURCES = {name: guide.source(name) for name in PAGES} | {"README": README.read_text(encoding="utf-8")}


def blocks(text, language):
    """Code blocks of a language, without its fences."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text):
    """Arguments of every `landlab` command in the shell blocks of a page."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"\$\(\([^)]*\)+", "4", line)
            for part in re.split(r"\s(?:&&|\|\|)\s", line):
                words = shlex.split(part, comments=True)
                if "landlab" in words[:3]:
                    words = words[words.index("landlab") + 1 :]
                    yield words[: words.index(">")] if ">" in words else words
