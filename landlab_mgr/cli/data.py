"""Verbs about datasets: `landlab data ...`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from landlab_mgr.catalog import DatasetRecord
from landlab_mgr.cli.options import DatabaseOption, JsonOption, WorkspaceOption
from landlab_mgr.cli.progress import Bytes, Steps
from landlab_mgr.errors import LandlabError
from landlab_mgr.observations.steps import DAYS_PER_MONTH
from landlab_mgr.storage.location import cache_directory
from landlab_mgr.workspace.display import bullet, console, show, tabulated
from landlab_mgr.workspace.workspace import Workspace

if TYPE_CHECKING:
    import xarray as xr

app = typer.Typer(help="Datasets: make, import, look at, check.", no_args_is_help=True)

DatasetArgument = Annotated[str, typer.Argument(help="Name or fingerprint", show_default=False)]
DirectoryArgument = Annotated[str, typer.Argument(help="Where the files are", show_default=False)]
UnitsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="VAR=UNIT", help="Unit of a variable of the file, where it tells none or a wrong one"
    ),
]
NameOption = Annotated[str | None, typer.Option(help="Name in the catalog; default: the format's")]


imports = typer.Typer(help="Import real data as a dataset of this workspace.", no_args_is_help=True)
fetches = typer.Typer(help="Download data that can be imported.", no_args_is_help=True)
app.add_typer(imports, name="import")
app.add_typer(fetches, name="fetch")


@imports.command("fluxval")
def import_fluxval(
    directory: DirectoryArgument,
    predictors: Annotated[str | None, typer.Option(help="CSV of static predictors by site")] = None,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import CARDAMOM-FluxVal 1.0: FLUXNET2015 towers."""
    from landlab_mgr.data.sources import fluxval

    _publish(*fluxval.read(directory, predictors), name, workspace, db)


@imports.command("differland")
def import_differland(
    directory: DirectoryArgument,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STREAM=VARIABLE",
            help="Another source of a stream, e.g. lai=LAI_COPERNICUS, nbe=CAMS_NBE, biomass=IB_AGC+IB_BGC, "
            "fire=fire_emission, gpp_fluxnet=gpp_fluxnet_50percent; STREAM=none leaves it out",
        ),
    ] = None,
    units: UnitsOption = None,
    assume_units: Annotated[
        bool, typer.Option("--assume-units", help="Where the file gives no unit, the published code's")
    ] = False,
    min_pixels: Annotated[int, typer.Option(min=1, help="Valid pixels that a patch needs")] = 32,
    dt: Annotated[
        float,
        typer.Option(
            min=1,
            max=31,
            help="Days of a month in the model; the paper's 30, but for runoff: 1.4 % less",
        ),
    ] = DAYS_PER_MONTH,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import DifferLand's global drivers of 0.25 degrees, never whole in memory."""
    from landlab_mgr.data.sources import differland
    from landlab_mgr.workspace import register

    options: dict[str, Any] = {"assume_units": assume_units, "min_pixels": min_pixels, "dt_days": dt}
    options["streams"] = _pairs("--stream", stream, differland.EXAMPLE)
    options["unit_of"] = _pairs("--units", units, "PREC=mm/d")
    with differland.open_files(directory, **options) as opened, Steps() as steps:
        skeleton = opened.skeleton if name is None else opened.skeleton.assign_attrs(name=name)
        ws = Workspace.at(workspace, db)
        with ws.create() as catalog:
            scratch = ws.data if isinstance(ws.data, Path) else cache_directory() / "publishing"
            parts = opened.parts(scratch, lambda variable, k, n: steps("reading", variable, k, n))
            record = register.dataset(ws, catalog, skeleton, parts)
    bullet(opened.notices)
    _say(record)


@imports.command("cardamom_nc")
def import_cardamom_nc(
    files: Annotated[
        list[str],
        typer.Argument(help="CARDAMOM driver files (.cbf.nc, .cbf), a pixel each", show_default=False),
    ],
    lat: Annotated[float | None, typer.Option(help="Latitude of files whose own is none")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude of files that do not tell theirs")] = None,
    units: UnitsOption = None,
    start: Annotated[
        str | None, typer.Option(help="First month, as 2001-01, where a file has no dates")
    ] = None,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import CARDAMOM driver files, NetCDF or binary (.cbf), one cell or tower each."""
    from landlab_mgr.data.sources import cardamom_nc

    by_hand = _pairs("--units", units, "TOTAL_PREC=mm/d")
    _publish(*cardamom_nc.read(files, lon, by_hand, start, lat), name, workspace, db)


@imports.command("camels")
def import_camels(
    directory: DirectoryArgument,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import CAMELS-US: basins with daily forcing, discharge and attributes."""
    from landlab_mgr.data.sources import camels

    _publish(*camels.read(directory), name, workspace, db)


@imports.command("differland_daily")
def import_differland_daily(
    directory: DirectoryArgument,
    uncertainty: Annotated[
        bool, typer.Option("--uncertainty", help="Weigh observations by their own uncertainty")
    ] = False,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import the daily towers of DifferLand v1.0, a file for each site."""
    from landlab_mgr.data.sources import differland_daily

    _publish(*differland_daily.read(directory, uncertainty), name, workspace, db)


_FILLS: dict[str | None, tuple[Literal["era", "own"], ...]] = {
    None: (),
    "era": ("era",),
    "own": ("own",),
    "era+own": ("era", "own"),
}


@imports.command("fluxnet")
def import_fluxnet(
    files: Annotated[
        list[str],
        typer.Argument(help="CSV files of towers, zip archives, folders of them", show_default=False),
    ],
    sites: Annotated[
        str | None,
        typer.Option(help="CSV of the sites (site,lat,lon,igbp,...) or BADM file, if it is elsewhere"),
    ] = None,
    place: Annotated[
        list[str] | None, typer.Option(metavar="SITE=LAT,LON", help="Place of a site that no table tells")
    ] = None,
    step: Annotated[Literal["month", "day"], typer.Option(help="Step of the dataset")] = "month",
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Measured or well filled data that a value needs")
    ] = 0.7,
    nee: Annotated[
        str, typer.Option(help="Variant of NEE, GPP and RECO: VUT_REF, CUT_REF, VUT_USTAR50, ...")
    ] = "VUT_REF",
    partitioning: Annotated[
        Literal["NT", "DT"], typer.Option(help="GPP and RECO by the night-time or day-time method")
    ] = "NT",
    latent_heat: Annotated[
        Literal["LE_F_MDS", "LE_CORR"], typer.Option(help="As measured, or with the energy balance closed")
    ] = "LE_F_MDS",
    fill: Annotated[
        Literal["era", "own", "era+own"] | None,
        typer.Option(
            help="Fill forcing that a tower lacks by its reanalysis (era), by its nearest other year (own)"
        ),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE.FORCING=VALUE", help="A constant for forcing that no source has"),
    ] = None,
    co2: Annotated[
        str, typer.Option(help="global, tower, a number of ppm, or a CSV of monthly means (date, average)")
    ] = "global",
    years: Annotated[
        str | None, typer.Option(metavar="FIRST-LAST", help="Years of the dataset; default: of all towers")
    ] = None,
    units: UnitsOption = None,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import FLUXNET, ICOS and AmeriFlux towers from the CSV files of the networks."""
    from landlab_mgr.data.sources import fluxnet

    options = fluxnet.Options(
        step=step,
        nee=nee,
        partitioning=partitioning,
        latent_heat=latent_heat,
        share=share,
        fill=_FILLS[fill],
        assume=_numbers("--assume", assume, "GL-Dsk.precip=1.1"),
        co2=co2,
        years=_years(years),
        units=_pairs("--units", units, "VPD_F=kPa"),
        places={
            site: _latlon(site, at) for site, at in _pairs("--place", place, "US-Wi7=46.6,-91.1").items()
        },
    )
    dataset, notices, kept = fluxnet.read(files, options, sites)
    show(kept, "kept of each site, of what its file has")
    _publish(dataset, notices, name, workspace, db)


def _numbers(option: str, given: list[str] | None, example: str) -> dict[str, float]:
    """Options of the form KEY=NUMBER, by key."""
    values = {}
    for key, text in _pairs(option, given, example).items():
        try:
            values[key] = float(text)
        except ValueError:
            raise LandlabError(f"{option} {key}={text}: write {option} {example}") from None
    return values


def _years(given: str | None) -> tuple[int, int] | None:
    if given is None:
        return None
    first, _, last = given.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise LandlabError(f"--years {given!r}: write the first and the last, as 2005-2014")
    return int(first), int(last)


def _latlon(site: str, given: str) -> tuple[float, float]:
    try:
        lat, lon = (float(part) for part in given.split(","))
    except ValueError:
        raise LandlabError(f"--place {site}={given}: write --place {site}=LAT,LON, in degrees") from None
    return lat, lon


def _print_example(asked: bool) -> None:
    if asked:
        from landlab_mgr.data.sources import generic

        print(generic.EXAMPLE, end="")
        raise typer.Exit


@imports.command("generic")
def import_generic(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="NetCDF, zarr or CSV files, directories of them, or patterns", show_default=False
        ),
    ],
    mapping: Annotated[
        str | None, typer.Option(help="TOML file that says what is what in them; needed to import")
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Import nothing: print a mapping for these files, with its doubts")
    ] = False,
    example: Annotated[
        bool,
        typer.Option(
            "--example", help="Print a mapping to start from", is_eager=True, callback=_print_example
        ),
    ] = False,
    name: NameOption = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Import any NetCDF, zarr or CSV data by a TOML mapping of names and units."""
    if guess:
        from landlab_mgr.data.sources import guess as guesses

        print(guesses.propose(paths))
        return
    if mapping is None:
        raise LandlabError(
            "--mapping FILE.toml is missing: --guess proposes one for these files, --example prints one"
        )
    from landlab_mgr.data.sources import generic

    _publish(*generic.read(paths, mapping), name, workspace, db)


@fetches.command("differland")
def fetch_differland(
    to: Annotated[str, typer.Option(help="Directory for the files")] = "differland",
    url: Annotated[
        str | None, typer.Option(help="A mirror with Zenodo's paths [env LANDLAB_ZENODO; https://zenodo.org]")
    ] = None,
    retries: Annotated[int, typer.Option(min=0, help="Failures in a row that are survived")] = 5,
) -> None:
    """Download DifferLand's drivers from Zenodo; what was interrupted goes on where it broke off."""
    from landlab_mgr.data.sources import differland, fetch

    base = url or os.environ.get("LANDLAB_ZENODO") or fetch.ZENODO
    with Bytes() as progress:
        files = fetch.fetch(differland.RECORD, differland.FILES, to, base, progress, retries)
    console.print(f"{len(files)} files in {to}, checksums right", markup=False)
    console.print(f"next: `landlab data import differland {to}`", markup=False)


def _pairs(option: str, given: list[str] | None, example: str) -> dict[str, str]:
    """Options of the form KEY=VALUE, by key."""
    values: dict[str, str] = {}
    for pair in given or []:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise LandlabError(f"{option} {pair!r}: write {option} {example}")
        if key in values:
            raise LandlabError(f"{option} says {key} twice; leave one")
        values[key] = value
    return values


def _publish(
    ds: "xr.Dataset", notices: list[str], name: str | None, workspace: str | None, db: str | None
) -> None:
    from landlab_mgr.workspace import register

    if name is not None:
        ds = ds.assign_attrs(name=name)
    ws = Workspace.at(workspace, db)
    with ws.create() as catalog:
        record = register.dataset(ws, catalog, ds)
    bullet(notices)
    _say(record)


@app.command()
def twin(
    patches: Annotated[int, typer.Option(help="Patches of 4 x 5 degrees")] = 128,
    pixels: Annotated[int, typer.Option(help="Land pixels in each, as far as it has so much land")] = 3,
    years: Annotated[int, typer.Option(help="Years of monthly data, from 2001")] = 6,
    seed: Annotated[int, typer.Option(help="Seed of the planet")] = 0,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
) -> None:
    """Make a twin planet: synthetic observations by our own model from a known truth.

    The paper's size is --patches 939 --pixels 320 --years 14; no more than some patches are in memory.
    """
    from rich.progress import track

    from landlab_mgr.data import twin
    from landlab_mgr.workspace import register

    planet = twin.design(patches, pixels, years, seed, tell=console.print)
    blocks = sum(1 for _ in planet.blocks())
    parts = track(planet.parts(), "months", blocks, console=console, disable=not console.is_terminal)
    ws = Workspace.at(workspace, db)
    with ws.create() as catalog:
        record = register.dataset(ws, catalog, planet.skeleton(), parts)
    _say(record)


def _say(record: DatasetRecord) -> None:
    console.print(
        f"dataset {record.name} ({record.fingerprint}, {record.kind}): {record.n_pixels} pixels in "
        f"{record.n_patches} patches, {record.n_months} steps{_also(record)}",
        markup=False,
    )
    console.print(f"next: `landlab data show {record.name}`, `landlab grid register FILE`", markup=False)


def _also(record: DatasetRecord) -> str:
    return f"; also called {', '.join(record.aliases)}" if record.aliases else ""


@app.command()
def ls(workspace: WorkspaceOption = None, db: DatabaseOption = None, json: JsonOption = False) -> None:
    """Datasets of the workspace."""
    with Workspace.at(workspace, db).open(read_only=True) as catalog:
        datasets = catalog.datasets()
    columns = ["name", "fingerprint", "kind", "n_pixels", "n_patches", "n_months", "licence", "url"]
    if any(d.aliases for d in datasets):
        columns.insert(1, "also called")
    rows = [vars(d) | {"also called": ", ".join(d.aliases)} for d in datasets]
    if not json:  # licences of many lines are for `data show`; JSON keeps the name of the catalog's column
        columns[columns.index("n_months")] = "n_steps"
        rows = [
            row | {"licence": row["licence"].strip().partition("\n")[0][:60], "n_steps": row["n_months"]}
            for row in rows
        ]
    if not rows and not json:
        console.print("no dataset yet: `landlab data import fluxval DIR` or `landlab data twin` makes one")
        return
    show(tabulated(rows, columns), as_json=json)


@app.command("show")
def show_(
    name: DatasetArgument,
    figure: Annotated[str | None, typer.Option(help="Write a map and coverage figure to this file")] = None,
    workspace: WorkspaceOption = None,
    db: DatabaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a dataset holds: variables, units, coverage, ranges."""
    from landlab_mgr.analysis import origin
    from landlab_mgr.data import check
    from landlab_mgr.storage import figures

    if figure is not None:
        figures.check_target(figure)
    ds, record = _opened(name, workspace, db)
    title = f"{record.name} ({record.kind}, {record.fingerprint}){_also(record)}"
    show(check.summary(ds), "" if json else title, json)
    if not json:
        console.print(f"source: {record.source}", soft_wrap=True)
        console.print(f"licence: {record.licence}", soft_wrap=True)
    if figure is not None:
        ws = Workspace.at(workspace, db)
        with ws.open(read_only=True) as catalog:
            figures.save(check.figure(ds), figure, origin(ws, catalog, {record.name}))
        if not json:
            console.print(f"figure {figure}: `landlab trace` says where it comes from", markup=False)


@app.command("check")
def check_(name: DatasetArgument, workspace: WorkspaceOption = None, db: DatabaseOption = None) -> None:
    """Check units, ranges, gaps, splits and provenance of a dataset; exit code 1 on errors."""
    from landlab_mgr.data import check

    ds, record = _opened(name, workspace, db)
    report = check.check(ds)
    for kind, lines in (("error", report.errors), ("warning", report.warnings)):
        for line in lines:
            console.print(f"{kind}: {line}", markup=False, soft_wrap=True)
    console.print(
        f"{record.name}: {len(report.errors)} errors, {len(report.warnings)} warnings", markup=False
    )
    if report.errors:
        raise typer.Exit(1)


def _opened(name: str, workspace: str | None, db: str | None) -> tuple[Any, DatasetRecord]:
    from landlab_mgr.data import store

    ws = Workspace.at(workspace, db)
    with ws.open(read_only=True) as catalog:
        record = catalog.dataset(name)
    return store.open_dataset(ws.path(record.url)), record
