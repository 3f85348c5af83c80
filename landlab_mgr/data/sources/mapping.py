"""TOML mapping that tells the generic importer about somebody's files.

Each mistake in it is told in one line.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from landlab_mgr.data import schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.storage.location import read_toml

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
_FROM_FORCING = ("MAT", "MAP")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _short(given: Any) -> Any:
    """`tmin = "t2m"` is short for `tmin = {variable = "t2m"}`."""
    return {"variable": given} if isinstance(given, str) else given


class _Source(_Table):
    variable: str | None = Field(None, min_length=1, description="its name in the files")
    value: float | None = Field(None, description="instead of a variable: the same everywhere and always")
    units: str | None = Field(None, description="its unit, where the file says none")
    force_units: bool = Field(False, description="true: `units` is right, and the file's own unit is wrong")


class _Forcing(_Source):
    fill: Annotated[_Source, BeforeValidator(_short)] | None = Field(
        None, description="variable that fills its gaps, or {value = ...}"
    )


class _Observed(_Source):
    weight: str | None = Field(None, min_length=1, description="variable with the weight of each value")


class _Predictor(_Source):
    kind: Literal["continuous", "class"] = "continuous"
    long_name: str = ""


Source = Annotated[_Source, BeforeValidator(_short)]
Forcing = Annotated[_Forcing, BeforeValidator(_short)]
Observed = Annotated[_Observed, BeforeValidator(_short)]
Predictor = Annotated[_Predictor, BeforeValidator(_short)]


class Dims(_Table):
    """Names of the files' dimensions: a list of pixels, a grid, or neither where the files are of one place."""

    time: str = "time"
    pixel: str | None = Field(None, description="dimension of a list of pixels or sites")
    lat: str | None = Field(None, description="dimension of a grid; has a variable of its name")
    lon: str | None = Field(None, description="dimension of a grid; has a variable of its name")
    y: str | None = Field(None, description="dimension of a grid whose lat and lon have two dimensions")
    x: str | None = Field(None, description="dimension of a grid whose lat and lon have two dimensions")

    @property
    def space(self) -> tuple[str, ...]:
        """The dimensions that make pixels: one of a list, two of a grid, none of one place."""
        return tuple(d for d in ((self.pixel,) if self.pixel else (self.grid or ())) if d)

    @property
    def grid(self) -> tuple[str, str] | None:
        """The two dimensions of a grid, south to north and west to east or the other way round."""
        if self.y and self.x:
            return self.y, self.x
        return (self.lat, self.lon) if self.lat and self.lon else None


class Patches(_Table):
    """Definition of patches: boxes of degrees, or a variable with a number by pixel."""

    degrees: tuple[Annotated[float, Field(gt=0, le=180)], Annotated[float, Field(gt=0, le=360)]] = (4.0, 5.0)
    variable: str | None = None
    min_pixels: int = Field(1, ge=1, description="patches with fewer pixels are left out")
    whole_share: float = Field(
        0.8,
        ge=0,
        le=1,
        description="of a grid: share of a patch's cells without which its NBE and EWT are left out",
    )


class Geometry(_Table):
    """Positions of pixels; of a grid only what its axes do not say."""

    lat: Source | None = None
    lon: Source | None = None
    area_m2: Source | None = None
    site: str | None = None
    region: str | None = None
    mask: str | None = Field(None, description="of a grid: cells where it is 0 or missing are left out")
    test: str | None = Field(None, description="not 0 where a pixel is for testing")


class Mapping(_Table):
    """A whole mapping; `generic` documents it with an example."""

    name: str = Field(pattern=NAME, description="of the dataset")
    source: str = Field(min_length=1, description="where the data come from")
    licence: str = Field(min_length=1, description="under which they may be used")
    citation: str = Field(min_length=1, description="what to cite")
    kind: Literal["real", "synthetic"] = "real"
    start: str | None = Field(
        None, pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="first month, where the files' time says none"
    )
    missing: tuple[float, ...] = Field(
        (), description="codes of missing values that the files do not declare"
    )
    test_fraction: float = Field(0.1, ge=0, lt=1, description="share of the patches kept for testing")
    dims: Dims
    patches: Patches = Patches()
    geometry: Geometry = Geometry()
    outside: Literal["refuse", "repeat"] = Field(
        "refuse",
        description="forcing of a list of pixels outside a pixel's own record: its own years, as a filling",
    )
    forcing: dict[str, Forcing]
    predictors: dict[str, dict[str, Predictor]] = Field(default_factory=dict, description="by group")
    unobserved: Literal["drop", "keep"] = Field(
        "drop",
        description="cells of a grid that have forcing and no observation; kept, they count in budgets",
    )
    observations: dict[str, Observed] = Field(default_factory=dict)
    withheld: dict[str, Source] = Field(default_factory=dict)


_PLACES: dict[str, type[BaseModel]] = {
    "dims": Dims,
    "patches": Patches,
    "geometry": Geometry,
    "forcing": _Forcing,
    "predictors": _Predictor,
    "observations": _Observed,
    "withheld": _Source,
}


def load(path: str | Path) -> Mapping:
    """Read a mapping.

    Raises:
        LandlabError: one line that names the file, the key, what is allowed and, for a typo, what was meant.
    """
    path = Path(path)
    content = read_toml(path, f"no mapping {path}; `landlab data import generic --example` prints one")
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        raise LandlabError(f"{path}: {_line(error)}") from None
    for problem in _problems(mapping):
        raise LandlabError(f"{path}: {problem}")
    return mapping


def one_of(what: str, wrong: str, known: Iterable[str]) -> str:
    """`no WHAT 'wrong'; did you mean 'x'? there are: a, b` (a dozen of them)."""
    known = [str(name) for name in known]
    lower = {name.lower(): name for name in known}
    close = get_close_matches(wrong.lower(), list(lower), 1, 0.7)
    meant = f"did you mean {lower[close[0]]!r}? " if close else ""
    more = f", ... ({len(known)} in all)" if len(known) > 12 else ""
    return f"no {what} {wrong!r}; {meant}there are: {', '.join(known[:12]) or 'none'}{more}"


def _line(error: ValidationError) -> str:
    """Return the first mistake that pydantic found."""
    unknown = [e for e in error.errors() if e["type"] == "extra_forbidden"]  # often why another is missing
    first = (unknown or error.errors())[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location) or "mapping"
    given, kind = first["input"], first["type"]
    place = _PLACES.get(location[0]) if location else None
    if kind == "missing":
        field = (Mapping if len(location) == 1 or place is None else place).model_fields.get(location[-1])
        about = f" ({field.description})" if field is not None and field.description else ""
        return f"key {key}{about} is missing; write it" + (
            f" as [{key}]" if key in _PLACES else f" as {key} = ..."
        )
    if kind == "extra_forbidden":
        table = Mapping if len(location) == 1 or place is None else place
        known = table.model_fields
        where = f" in {'.'.join(location[:-1])}" if location[:-1] else ""
        return one_of(f"key{where} is called", location[-1], known)
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return f"{key} = {given!r}; it must be a table, as in [{key}], or for a variable its name"
    message = first["msg"][0].lower() + first["msg"][1:]
    shown = f" = {given!r}" if isinstance(given, str | int | float | bool | list) else ""
    return f"{key}{shown}: {message}"


def _problems(mapping: Mapping) -> Iterable[str]:
    """Yield what is wrong although each key is well-formed."""
    yield from _shape_problems(mapping)
    yield from _name_problems(mapping)
    yield from _predictor_problems(mapping)
    for key, given in sources(mapping):
        if (given.variable is None) == (given.value is None):
            yield f'{key}: give either variable = "name in the file" or value = a number'
        if given.value is not None and given.units is None and _is_forcing_with_unit(key):
            yield f"{key}: a value needs its unit: {{value = {given.value:g}, units = ...}}"


def _shape_problems(mapping: Mapping) -> Iterable[str]:
    """Yield what is wrong in the dims and in what rests on them: a grid, a list of pixels, one place."""
    dims = mapping.dims
    partial = bool(dims.lat) != bool(dims.lon) or bool(dims.y) != bool(dims.x)
    if partial or sum(map(bool, (dims.pixel, dims.lat, dims.y))) > 1:
        yield (
            "dims: give pixel (a list of pixels or sites), or lat and lon (a grid), or y and x (a grid whose lat and "
            "lon have two dimensions), or none (one place): names of the files' dimensions"
        )
    if not dims.lat:
        kind = "a list of pixels" if dims.pixel else "a grid of y and x" if dims.y else "one place"
        for key in ("lat", "lon"):
            if getattr(mapping.geometry, key) is None:
                value = "" if dims.pixel or dims.y else f", or geometry.{key} = {{value = ...}}"
                yield f"key geometry.{key} is missing; {kind} needs the variable with each pixel's {key}{value}"
    elif mapping.geometry.lat or mapping.geometry.lon:
        yield "geometry.lat and lon are of a list of pixels; a grid has its axes, named by dims.lat and dims.lon"
    if mapping.geometry.mask and not dims.grid:
        yield "geometry.mask is of a grid; of a list of pixels leave out what is not wanted"
    if mapping.outside == "repeat" and dims.grid:
        yield 'outside = "repeat" is of a list of pixels; a grid has one record'


def _name_problems(mapping: Mapping) -> Iterable[str]:
    """Yield forcing and streams of unknown names, and those that lack what they need beside them."""
    forcing, streams = registry.forcing(), registry.streams()
    for name in mapping.forcing:
        if name not in forcing:
            yield f"forcing: {one_of('forcing is called', name, forcing)}"
    if not mapping.forcing:
        name, variable = next(iter(forcing.items()))
        example = f'{name} = {{variable = "...", units = "{variable.unit}"}}'
        yield f"forcing is empty; give what the models read, at least one of {', '.join(forcing)}: {example}"
    for section in ("observations", "withheld"):
        for name in getattr(mapping, section):
            if name not in streams:
                yield f"{section}: {one_of('stream is called', name, streams)}"
    for name in mapping.withheld:
        if name not in mapping.observations:
            yield f"withheld.{name} needs observations.{name} beside it: the months of it that may be learnt from"


def _is_forcing_with_unit(key: str) -> bool:
    section, _, name = key.partition(".")
    return section == "forcing" and name in registry.forcing() and registry.forcing()[name].unit != "1"


def _predictor_problems(mapping: Mapping) -> Iterable[str]:
    geometry = (*schema.GEOMETRY, *schema.OPTIONAL_GEOMETRY)
    taken = {*registry.forcing(), *registry.streams(), *schema.TIME_AXIS, *geometry}
    group_of: dict[str, str] = {}
    for group, predictors in mapping.predictors.items():
        if group in schema.IMPLICIT_GROUPS:
            yield f"predictors.{group}: every dataset has this group already; give yours another name"
        for name in predictors:
            key = f"predictors.{group}.{name}"
            if name in taken or name.removesuffix("_weight").removesuffix("_withheld") in taken:
                yield f"{key}: {name} is the name of something else; give the predictor another one"
            if name in group_of:
                yield f"{key}: {name} is in group {group_of[name]} already; a predictor has one group"
            if name in _FROM_FORCING and group != "CLIM":
                yield f"{key}: {name} belongs to group CLIM"
            group_of[name] = group


def sources(mapping: Mapping) -> Iterable[tuple[str, _Source]]:
    """Every key that names a variable and a unit, e.g. "forcing.tmin", in the mapping's order."""
    for section in ("forcing", "observations", "withheld"):
        for name, given in getattr(mapping, section).items():
            yield f"{section}.{name}", given
            fill = getattr(given, "fill", None)
            if fill is not None:
                yield f"{section}.{name}.fill", fill
    for group, predictors in mapping.predictors.items():
        for name, given in predictors.items():
            yield f"predictors.{group}.{name}", given
    for name in ("lat", "lon", "area_m2"):
        given = getattr(mapping.geometry, name)
        if given is not None:
            yield f"geometry.{name}", given
