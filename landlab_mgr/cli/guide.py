"""`landlab guide`: the guide in the terminal, or as a site of web pages."""

import json as json_text
from typing import TYPE_CHECKING, Annotated, cast

import typer

from landlab_mgr.cli.options import JsonOption
from landlab_mgr.errors import LandlabError

if TYPE_CHECKING:
    from landlab_mgr.guide import tables

app = typer.Typer()
WIDEST = 120
"""Columns of text that are still read with ease."""


@app.command()
def guide(
    context: typer.Context,
    page: Annotated[
        str | None, typer.Argument(help="Name of a page; without: list them", show_default=False)
    ] = None,
    site: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTORY", help="Write every page, and the API where pdoc is installed, as web pages"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show a page of the guide; without PAGE, list the pages."""
    from landlab_mgr import guide as pages

    if site is not None:
        if page is not None or json:
            raise LandlabError(f"--site {site} writes every page: leave out PAGE and --json")
        _write(site, context)
    elif page is None:
        _list(json)
    else:
        chosen = pages.page(page)
        text = _text(chosen.name, context)
        if json:
            print(json_text.dumps(chosen._asdict() | {"text": text}, indent=1))
        else:
            _show(text)


def _list(json: bool) -> None:
    from landlab_mgr import guide as pages

    listed = pages.pages()
    if json:
        print(json_text.dumps([p._asdict() for p in listed], indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("page", "title"):
        table.add_column(column, no_wrap=column == "page")
    section = ""
    for p in listed:
        if p.section != section:
            section = p.section
            table.add_row(f"\n[bold]{section}[/bold]" if table.row_count else f"[bold]{section}[/bold]")
        table.add_row(f"  {p.name}", p.title)
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "\n`landlab guide PAGE` shows a page, `landlab guide --site DIRECTORY` writes all as web pages"
    )


def _text(name: str, context: typer.Context) -> str:
    from landlab_mgr import guide as pages

    source = pages.source(name)
    if pages.TABLE.search(source) is None:
        return source
    from landlab_mgr.guide import tables  # the specifications take a second to import

    return tables.text(name, lambda: _root(context))


def _show(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    from landlab_mgr import guide as pages

    text = pages.LINK.sub(r"\1 (`landlab guide \2`)", text)
    text = pages.PICTURE.sub(lambda match: f"*Picture: {match[1]}* ({pages.FOLDER / match[2]})", text)
    # colours of the terminal, whose background may be light or dark
    theme = Theme({"markdown.code": "cyan", "markdown.h1": "bold", "markdown.h2": "bold underline"})
    console = Console(theme=theme)
    console.width = min(console.width, WIDEST)
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))


def _write(directory: str, context: typer.Context) -> None:
    from landlab_mgr.guide import site as sites
    from landlab_mgr.workspace.display import console

    def tell(what: str) -> None:
        console.print(f"writing {what}")

    written = sites.write(directory, lambda: _root(context), tell)
    api = "" if written.api else "; no API pages: they need `pip install pdoc`"
    console.print(f"{written.first}: {written.pages} pages{api}", markup=False, soft_wrap=True)


def _root(context: typer.Context) -> "tables.Commands":
    return cast("tables.Commands", context.find_root().command)
