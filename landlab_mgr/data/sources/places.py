"""Places of the pixels in somebody's files.

They are those of a list, or the cells of a grid that can be learnt from.
"""

import numpy as np
import xarray as xr

from landlab_mgr.data import split
from landlab_mgr.data.sources import gridded, source_files
from landlab_mgr.data.sources.mapped import Files, Pixels, at_pixels, slabs
from landlab_mgr.data.sources.mapping import one_of
from landlab_mgr.errors import LandlabError

SITE_AREA_M2 = 1e6
"""Of a pixel of a list whose mapping gives no area: a tower's footprint, the same for all."""

Geometry = dict[str, tuple[np.ndarray, str, str]]


def geometry(files: Files, notices: list[str]) -> tuple[Pixels, Geometry]:
    """Return the pixels and the geometry variables.

    Pixels are by patch where they are of a grid; variables have values, unit and meaning.
    """
    mapping = files.mapping
    for dim in (mapping.dims.time, *mapping.dims.space):
        if dim not in files.ds.dims:
            key = next(
                k for k in ("time", "pixel", "lat", "lon", "y", "x") if getattr(mapping.dims, k) == dim
            )
            raise LandlabError(
                f"dims.{key}: {files.path} has {one_of('dimension', dim, map(str, files.ds.dims))}"
            )
        if not files.ds.sizes[dim]:
            raise LandlabError(f"{files.path}: dimension {dim!r} has length 0")
    pixels, lat, lon, area = _grid(files, notices) if mapping.dims.grid else _list(files, notices)
    patch = _patches(files, pixels, lat, lon)
    size = np.bincount(patch)[patch]
    enough = size >= mapping.patches.min_pixels
    if not enough.all():
        if not enough.any():
            raise LandlabError(
                f"patches.min_pixels = {mapping.patches.min_pixels}: the largest patch has {size.max()} pixels"
            )
        few = len(np.unique(patch[~enough]))
        notices.append(
            f"{few} patches with less than {mapping.patches.min_pixels} pixels are left out ({(~enough).sum()} pixels)"
        )
    kept = np.flatnonzero(enough)
    if mapping.dims.grid:
        kept = kept[np.argsort(patch[kept], kind="stable")]
    pixels = Pixels({dim: index[kept] for dim, index in pixels.index.items()})
    lat, lon, area = lat[kept], lon[kept], area[kept]
    patch = np.unique(patch[kept], return_inverse=True)[1].reshape(-1).astype(np.int32)
    found: Geometry = {
        "patch": (patch, "1", "number of the patch"),
        "lat": (lat, "degrees_north", "latitude of the pixel's centre"),
        "lon": (lon, "degrees_east", "longitude of the pixel's centre"),
        "area_m2": (area, "m2", "area of the pixel"),
        "test": (_test(files, pixels, patch, notices), "1", "the pixel is of a test patch"),
    }
    for name in ("site", "region"):
        variable = getattr(mapping.geometry, name)
        if variable is not None:
            found[name] = (words(files, f"geometry.{name}", variable, pixels), "1", f"name of the {name}")
    return pixels, found


def words(files: Files, key: str, variable: str, pixels: Pixels) -> np.ndarray:
    """Return a variable of text at the pixels, [pixel]."""
    array = files.over(key, variable, time=False)
    texts = source_files.values(array, f"{key}: {files.path}: {variable!r}")
    return _strings(at_pixels(texts, array.dims, pixels))


def names(files: Files, key: str, variable: str) -> np.ndarray:
    """Return the names of all pixels of a list, [pixel]."""
    dim = files.mapping.dims.pixel or ""
    return words(files, f"geometry.{key}", variable, Pixels({dim: np.arange(files.ds.sizes[dim])}))


def _strings(values: np.ndarray) -> np.ndarray:
    return np.array([_text(x).strip("\0 ") for x in values.tolist()], dtype=object)


def _text(value: object) -> str:
    """Decode a name of a file.

    Bytes that are no UTF-8 are Latin-1, as older files have them.
    """
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _list(files: Files, notices: list[str]) -> tuple[Pixels, np.ndarray, np.ndarray, np.ndarray]:
    """All pixels of a list, their latitude, longitude and area."""
    mapping = files.mapping
    dim = mapping.dims.pixel or ""
    pixels = Pixels({dim: np.arange(files.ds.sizes[dim])})

    def of(name: str, unit: str) -> np.ndarray:
        given = getattr(mapping.geometry, name)
        key = f"geometry.{name}"
        if given.variable is None:
            return np.full(len(pixels), float(given.value))
        # degrees are what coordinates are in, whether or not the file says so
        stated = given.units or files.array(key, given.variable).attrs.get("units") or unit
        return files.static(key, given.variable, str(stated), unit, pixels).astype(np.float64)

    lat, lon = of("lat", "degrees_north"), of("lon", "degrees_east")
    if mapping.geometry.area_m2 is None:
        notices.append(f"geometry.area_m2 is not given: every pixel counts {SITE_AREA_M2:g} m2")
        area = np.full(len(pixels), SITE_AREA_M2)
    else:
        area = of("area_m2", "m2")
    return pixels, lat, _eastward(lon), area


def _eastward(lon: np.ndarray) -> np.ndarray:
    """Longitudes as -180..180, whether a file counts so or to 360."""
    return np.where((lon > 180) & (lon <= 360), lon - 360, lon)


def _grid(files: Files, notices: list[str]) -> tuple[Pixels, np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells of a grid that can be learnt from.

    With them come their latitude, longitude and area.
    """
    space = files.mapping.dims.grid
    assert space is not None
    lat, lon, area = _curvilinear(files, space) if files.mapping.dims.y else _regular(files, space)
    good = _usable(files, space, notices)
    row, column = np.nonzero(good)
    return Pixels({space[0]: row, space[1]: column}), lat[good], _eastward(lon[good]), area[good]


def _regular(files: Files, space: tuple[str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitude, longitude and area of cells by their axes, [lat, lon]."""
    axes = [
        source_files.values(files.array(f"dims.{key}", name), files.path)
        for key, name in zip(("lat", "lon"), space, strict=True)
    ]
    lat, heights = gridded.axis(axes[0], space[0], -90, 90, files.path, even=False)
    lon, width = gridded.axis(axes[1], space[1], -180, 360, files.path)
    shape = (len(lat), len(lon))
    area = np.broadcast_to(gridded.cell_areas(lat, heights, float(width[0]))[:, None], shape)
    return np.broadcast_to(lat[:, None], shape), np.broadcast_to(lon, shape), area


def _curvilinear(files: Files, space: tuple[str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitude, longitude and area of cells by their own places, [y, x]."""
    given = files.mapping.geometry
    shape = tuple(files.ds.sizes[dim] for dim in space)

    def of(key: str, low: float, high: float) -> np.ndarray:
        source = getattr(given, key)
        array = files.over(f"geometry.{key}", str(source.variable), time=False)
        if set(array.dims) != set(space):
            raise LandlabError(
                f"geometry.{key}: {source.variable!r} has dimensions {', '.join(map(str, array.dims))}; it must have "
                f"{', '.join(space)}"
            )
        values = source_files.values(array.transpose(*space), f"geometry.{key}: {files.path}").astype(
            np.float64
        )
        outside = np.isfinite(values) & ((values < low) | (values > high))
        if outside.any():
            raise LandlabError(f"geometry.{key}: {values[outside][0]:g} is outside {low:g}..{high:g}")
        return values

    lat, lon = of("lat", -90, 90), of("lon", -180, 360)
    if given.area_m2 is not None:
        area = of("area_m2", 0, np.inf) if given.area_m2.variable else np.full(shape, given.area_m2.value)
        return lat, lon, area
    if min(shape) < 2:
        raise LandlabError(
            "geometry.area_m2 is missing; a grid of one row or column does not tell its cells' areas"
        )
    return lat, lon, gridded.areas_between(lat, lon)


def _share(files: Files, key: str, variable: str, space: tuple[str, str]) -> np.ndarray:
    """Share of the months in which a variable is there, [lat, lon]."""
    array = files.over(key, variable, time=True)
    time = files.mapping.dims.time
    count = np.zeros([files.ds.sizes[dim] for dim in space])
    for ranges, part in slabs(array, f"{key}: {files.path}: {variable!r}"):
        there = xr.DataArray(np.isfinite(files.numbers(key, variable, part)), dims=array.dims)
        if time in there.dims:
            there = there.sum(time)
        there = there.expand_dims([dim for dim in space if dim not in there.dims]).transpose(*space)
        count[tuple(ranges.get(dim, slice(None)) for dim in space)] += there.values
    return count / (files.ds.sizes[time] if time in array.dims else 1)


def _usable(files: Files, space: tuple[str, str], notices: list[str]) -> np.ndarray:
    """Cells [lat, lon] within the mask, with all forcing and with an observation."""
    mapping = files.mapping
    shape = tuple(files.ds.sizes[dim] for dim in space)
    inside = np.ones(shape, bool)
    if mapping.geometry.mask is not None:
        array = files.over("geometry.mask", mapping.geometry.mask, time=False)
        if set(array.dims) != set(space):
            raise LandlabError(
                f"geometry.mask: {mapping.geometry.mask!r} must have dimensions {', '.join(space)}"
            )
        mask = source_files.values(array.transpose(*space), f"geometry.mask: {files.path}")
        inside = np.nan_to_num(files.numbers("geometry.mask", mapping.geometry.mask, mask)) != 0
    forced, partly = inside.copy(), np.zeros(shape, bool)
    for name, given in mapping.forcing.items():
        if given.variable is not None:
            share = _share(files, f"forcing.{name}", given.variable, space)
            forced &= share == 1
            partly |= (share > 0) & (share < 1)
    forced &= _placed(files, space, shape)
    seen = np.zeros(shape, bool)
    for name, observed in mapping.observations.items():
        if observed.variable is not None:
            seen |= _share(files, f"observations.{name}", observed.variable, space) > 0
    if mapping.unobserved == "keep" or not mapping.observations:
        seen[:] = True
    for what, out in (
        ("lack forcing in some months only", inside & ~forced & partly),
        ("have forcing but no observation", forced & ~seen),
    ):
        if out.any():
            notices.append(f"{out.sum()} cells {what} and are left out")
    if not (forced & seen).any():
        raise LandlabError(
            f"{files.path}: no cell of {shape[0]} x {shape[1]} has all forcing and an observation "
            f"({inside.sum()} within the mask, {forced.sum()} with all forcing, {(inside & seen).sum()} observed)"
        )
    return forced & seen


def _placed(files: Files, space: tuple[str, str], shape: tuple[int, ...]) -> np.ndarray:
    """Cells whose place is told, [y, x]."""
    if not files.mapping.dims.y:
        return np.ones(shape, bool)
    lat, lon, _ = _curvilinear(files, space)
    return np.isfinite(lat) & np.isfinite(lon)


def cells_of_a_patch(files: Files, ds: xr.Dataset) -> float:
    """Cells of a whole patch of a grid: of its box, or of the largest where its cells differ or a variable tells."""
    if files.mapping.patches.variable is not None or files.mapping.dims.y:
        return float(np.bincount(ds["patch"].values).max())
    dims = {"lat": files.mapping.dims.lat or "", "lon": files.mapping.dims.lon or ""}
    axes = [source_files.values(files.array(f"dims.{key}", name), files.path) for key, name in dims.items()]
    if min(map(len, axes)) < 2:
        return 1.0
    steps = [float(np.abs(np.diff(axis)).mean()) for axis in axes]
    height, width = files.mapping.patches.degrees
    return height / steps[0] * width / steps[1]


def _patches(files: Files, pixels: Pixels, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return the number of each pixel's patch, counted by latitude, then longitude."""
    patches = files.mapping.patches
    if patches.variable is not None:
        cells = files.static("patches.variable", patches.variable, None, None, pixels)[:, None]
        if not np.isfinite(cells).all():
            pixel = int(np.isnan(cells[:, 0]).argmax())
            raise LandlabError(
                f"patches.variable: {patches.variable!r} is missing at pixel {pixel}; each needs a patch"
            )
    else:
        height, width = patches.degrees
        cells = np.floor(np.stack([(lat + 90) / height, (lon + 180) / width], axis=1))
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)


def _test(files: Files, pixels: Pixels, patch: np.ndarray, notices: list[str]) -> np.ndarray:
    given, fraction = files.mapping.geometry.test, files.mapping.test_fraction
    if given is not None:
        return np.nan_to_num(files.static("geometry.test", given, None, None, pixels)) != 0
    if fraction == 0 or patch.max() < 2:
        why = "test_fraction = 0" if fraction == 0 else f"{patch.max() + 1} patches are too few to keep one"
        notices.append(f'no pixel is kept for testing ({why}): train with split.kind = "all"')
        return np.zeros(len(patch), bool)
    return split.choose_test_patches(patch, fraction)
