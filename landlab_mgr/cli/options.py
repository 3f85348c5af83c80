"""Arguments that many verbs take."""

from typing import Annotated, Literal

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
WorkersOption = Annotated[
    int | None, typer.Option(help="Worker processes [as many as there is room and work for]")
]
ExecutorOption = Annotated[
    Literal["ray", "local"] | None, typer.Option(help="local: this process trains [ray for several workers]")
]
AddressOption = Annotated[
    str | None, typer.Option(help="A running Ray cluster: HOST:PORT, or auto [one on this machine]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON")]

_EXAMPLE = "e.g. \"predictors = 'PFT+CLIM' and metrics.dev.lai.r2 > 0.8\""
FilterArgument = Annotated[str, typer.Argument(help=_EXAMPLE, show_default=False)]
RequiredFilter = Annotated[str, typer.Argument(metavar="FILTER", help=_EXAMPLE, show_default=False)]
