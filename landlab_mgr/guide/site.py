"""The guide as a site of web pages that needs no server: the pages, a search, and the API where pdoc is installed."""

import html
import json
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from landlab_mgr import __version__, guide
from landlab_mgr.errors import LandlabError
from landlab_mgr.guide import tables

TEMPLATE = guide.FOLDER / "site.html"
FILES = ("site.css", "site.js")
API = "api"
CODE = HtmlFormatter(nowrap=True)


class Site(NamedTuple):
    """A site: its first page, the number of its pages, and whether the API is there."""

    first: Path
    pages: int
    api: bool


def write(
    directory: str | Path,
    commands: Callable[[], tables.Commands],
    tell: Callable[[str], None] = lambda what: None,
    api: bool = True,
) -> Site:
    """Write the site into a directory that does not exist, is empty, or holds an older site.

    Args:
        directory: where it goes.
        commands: gives the root of the command line.
        tell: called with what is written next.
        api: whether to write the API pages too, if pdoc is installed.

    Raises:
        LandlabError: for a directory that holds something else, or cannot be written.
    """
    directory = Path(directory)
    index = directory / "index.html"
    if directory.is_file():
        raise LandlabError(f"--site {directory} is a file; name a directory")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / FILES[1]).is_file():
        raise LandlabError(f"--site {directory} holds something else; name an empty or a new directory")
    api = api and find_spec("pdoc") is not None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("*.html"):  # of pages that may have other names now
            old.unlink()
        tell("pages")
        for name in FILES:
            shutil.copyfile(guide.FOLDER / name, directory / name)
        shutil.copytree(guide.PICTURES, directory / guide.PICTURES.name, dirs_exist_ok=True)
        found = _write_pages(directory, commands, api)
        if api:
            tell("API pages")
            _write_api(directory / API)
    except OSError as error:
        raise LandlabError(f"--site {directory} cannot be written: {error.strerror or error}") from None
    return Site(index, found, api)


def _write_pages(directory: Path, commands: Callable[[], tables.Commands], api: bool) -> int:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    pages = guide.pages()
    texts = {p.name: tables.text(p.name, commands) for p in pages}
    names = [p.name for p in pages]
    for i, page in enumerate(pages):
        body, headings = rendered(texts[page.name])
        content = template.render(
            page=page,
            body=body,
            headings=headings,
            sections={s: [p for p in pages if p.section == s] for s in guide.SECTIONS},
            before=pages[i - 1] if i else None,
            after=pages[i + 1] if i + 1 < len(names) else None,
            api=f"{API}/landlab_mgr.html" if api else "",
            version=__version__,
        )
        (directory / f"{page.name}.html").write_text(content, encoding="utf-8")
    # a script, not JSON: a browser reads no JSON from a file
    index = json.dumps(_search_index(pages, texts), ensure_ascii=False)
    (directory / "search.js").write_text(f"window.GUIDE = {index};\n", encoding="utf-8")
    return len(pages)


def rendered(text: str) -> tuple[str, list[tuple[int, str, str]]]:
    """Return a page as HTML, and its headings below the title.

    A heading is level, anchor, text.
    """
    parser = MarkdownIt("commonmark", {"highlight": _highlighted}).enable("table")
    tokens = parser.parse(text)
    headings: list[tuple[int, str, str]] = []
    used: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            words = "".join(t.content for t in inline.children or () if t.type in ("text", "code_inline"))
            anchor = _anchor(words, used)
            token.attrSet("id", anchor)
            if token.tag in ("h2", "h3"):
                headings.append((int(token.tag[1]), anchor, words))
        for child in inline.children or ():
            _relink(child)
    body = parser.renderer.render(tokens, parser.options, {})
    # on a narrow screen the dotted name of a field breaks at its parts
    body = re.sub(r"<td><code>[^<]*</code>", lambda cell: re.sub(r"([._])(?=\w)", r"\1<wbr>", cell[0]), body)
    # wide tables scroll by themselves, not the page
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    return body, headings


def _relink(token: Token) -> None:
    """Make a link to a page of the guide one to its HTML."""
    if token.type == "link_open":
        target = str(token.attrGet("href"))
        token.attrSet("href", re.sub(r"^([a-z_-]+)\.md(?=#|$)", r"\1.html", target))


def _anchor(words: str, used: dict[str, int]) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
    count = used[anchor] = used.get(anchor, -1) + 1
    return f"{anchor}-{count}" if count else anchor


def _highlighted(code: str, language: str, attributes: str) -> str:
    try:
        return str(highlight(code, get_lexer_by_name(language), CODE))
    except ClassNotFound:
        return html.escape(code)


def _search_index(pages: list[guide.Page], texts: Mapping[str, str]) -> list[dict[str, str]]:
    """Return a piece of each page for every heading.

    A piece says where it is, and holds its words.
    """
    pieces = []
    for page in pages:
        used: dict[str, int] = {}
        for part in re.split(
            r"^(?=#{1,3} )", re.sub(r"^```.*$", "", texts[page.name], flags=re.MULTILINE), flags=re.MULTILINE
        ):
            if not part.strip():
                continue
            heading, _, rest = part.partition("\n")
            words = re.sub(r"[`*]", "", heading.lstrip("# "))
            plain = " ".join(re.sub(r"\[([^\]]+)\]\([^)]*\)|[`*|]|<!--.*?-->|---+", r"\1", rest).split())
            anchor = _anchor(words, used)
            target = f"{page.name}.html" + (f"#{anchor}" if not heading.startswith("# ") else "")
            pieces.append({"page": page.title, "title": words, "url": target, "text": plain})
    return pieces


def _write_api(directory: Path) -> None:
    import pdoc
    import pdoc.render

    pdoc.render.configure(docformat="google", search=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # annotations that are imported for type checkers only
        pdoc.pdoc("landlab_mgr", output_directory=directory)
