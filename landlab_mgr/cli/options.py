"""Arguments that many verbs take."""

from typing import Annotated

import typer

WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace", "-w", help="Directory of the work [env LANDLAB_WORKSPACE; ./landlab-workspace]"
    ),
]
DatabaseOption = Annotated[
    str | None, typer.Option("--db", help="Catalog URL [env LANDLAB_DB; in the workspace]")
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        help="Where datasets and the files of runs go, such as s3://bucket/prefix; remembered "
        "[env LANDLAB_STORAGE; the workspace]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON")]

_EXAMPLE = "e.g. \"setup.groups = 'PFT+CLIM' and metrics.dev.lai.r2 > 0.8\""
FilterArgument = Annotated[str, typer.Argument(help=_EXAMPLE, show_default=False)]
RequiredFilter = Annotated[str, typer.Argument(metavar="FILTER", help=_EXAMPLE, show_default=False)]
