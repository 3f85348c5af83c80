"""Damaged and nonsensical input of every importer: refused in one line, or a valid dataset that `check` reports on.

In the gate a few dozen cases of each; LANDLAB_FUZZ=1000 asks for as many. Each case is drawn from its number alone.
"""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landlab_mgr.data import check, schema
from landlab_mgr.data.sources import cardamom_nc, differland, fluxnet, fluxval, generic, source_files
from landlab_mgr.errors import LandlabError

from . import flux_files, others, test_tables
from .miniature import write_differland
from .towers import write_fluxval

pytestmark = pytest.mark.slow

CASES = int(os.environ.get("LANDLAB_FUZZ", 0))
SECONDS = 120

REFUSED, REPORTED, CLEAN = "refused", "reported by check", "clean"


@dataclass(frozen=True)
class Importer:
    """Writes its input into a directory, and reads it from there."""

    write: Callable[[Path], object]
    read: Callable[[Path], xr.Dataset]
    cases: int
    """In the gate."""


def _read_differland(directory: Path) -> xr.Dataset:
    (directory / "scratch").mkdir()
    try:
        return differland.read(directory, directory / "scratch")[0]
    finally:
        shutil.rmtree(directory / "scratch")


IMPORTERS = {
    "fluxval": Importer(write_fluxval, lambda path: fluxval.read(path, path / "site_predictors.csv")[0], 60),
    "cardamom_nc": Importer(
        lambda path: others.write_drivers(others.drivers(), path / "a.nc"),
        lambda path: cardamom_nc.read([path / "a.nc"])[0],
        12,
    ),
    "generic list": Importer(
        others.write_sites, lambda path: generic.read(path / "sites.nc", path / "mapping.toml")[0], 12
    ),
    "generic netcdf3": Importer(
        lambda path: others.write_sites(path, "netcdf3"),
        lambda path: generic.read(path / "sites.nc", path / "mapping.toml")[0],
        40,
    ),
    "generic csv": Importer(test_tables.write, lambda path: generic.read(path, path / "mapping.toml")[0], 30),
    "generic zarr grid": Importer(
        lambda path: others.write_grid(path, "zarr"),
        lambda path: generic.read(path / "grid.zarr", path / "mapping.toml")[0],
        20,
    ),
    "fluxnet": Importer(flux_files.write_towers, lambda path: fluxnet.read([path]).dataset, 30),
    "differland": Importer(lambda path: write_differland(path, months=12), _read_differland, 8),
}


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(importer: Importer, directory: Path) -> str:
    """What became of an import; anything but a clear line or a valid dataset fails the test."""
    before = sorted(directory.rglob("*"))
    refusal, report = None, None
    try:
        with deadline(SECONDS):
            ds = importer.read(directory)
            assert list(schema.problems(ds)) == []
            report = check.check(ds)
    except LandlabError as error:
        refusal = str(error)
    assert sorted(directory.rglob("*")) == before
    if report is None:
        assert refusal is not None
        assert "\n" not in refusal
        assert 20 < len(refusal) < 800, refusal
        return REFUSED
    return REPORTED if report.errors or report.warnings else CLEAN


# --- damage of bytes ----------------------------------------------------------------------------------------


def _victim(rng: np.random.Generator, directory: Path) -> Path:
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.stat().st_size)
    large = [path for path in files if path.suffix not in (".toml", ".md")]
    return files[rng.integers(len(files))] if rng.random() < 0.3 else large[rng.integers(len(large))]


def truncated(rng: np.random.Generator, directory: Path) -> bool:
    path = _victim(rng, directory)
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.integers(len(raw))])
    return path.suffix in (".cbf", ".nc")  # a table or a text may end anywhere


def flipped(rng: np.random.Generator, directory: Path) -> bool:
    path = _victim(rng, directory)
    raw = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 30)):
        raw[rng.integers(len(raw))] ^= 1 << int(rng.integers(8))
    path.write_bytes(raw)
    return False


def overwritten(rng: np.random.Generator, directory: Path) -> bool:
    path = _victim(rng, directory)
    raw = bytearray(path.read_bytes())
    start, length = int(rng.integers(len(raw))), int(rng.integers(1, 2000))
    patch = [bytes(length), b"\xff" * length, rng.bytes(length)][rng.integers(3)]
    raw[start : start + length] = patch[: len(raw) - start]
    path.write_bytes(raw)
    return False


def lengthened(rng: np.random.Generator, directory: Path) -> bool:
    path = _victim(rng, directory)
    raw = path.read_bytes()
    at = int(rng.integers(len(raw)))
    path.write_bytes(raw[:at] + rng.bytes(int(rng.integers(1, 50))) + raw[at:])
    return False


def gone(rng: np.random.Generator, directory: Path) -> bool:
    path = _victim(rng, directory)
    content = [None, b"", b"<html>404 not found</html>", rng.bytes(500)][rng.integers(4)]
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    return path.suffix == ".nc" or path.name in (
        "mapping.toml",
        "location_fluxnet.csv",
        "site_predictors.csv",
    )


# --- nonsense in a sound file -------------------------------------------------------------------------------

UNITS = (
    "K",
    "Pa",
    "furlong",
    "",
    "m" * 300,
    "line\nbreak",
    "9**9**9**9",
    "kg kg-1",
    "gC",
    "%",
    "\x01",
    "[[]",
    "1e999 mm",
)


NEEDED = (
    {"T2M_MIN", "T2M_MAX", "SSRD", "CO2", "VPD", "TOTAL_PREC", "BURNED_AREA", "LAT"},
    {"T_min", "T_max", "SOLR", "VPD", "PREC", "DAYS", "MAT", "MAP", "SAND", "LCSPP"},
    {"t2m_min", "t2m_max", "swdown", "co2", "vpd", "rain", "LAI", "GPP", "forest_fraction", "texture"},
)
"""Variables without which, or in another shape, no importer may go on."""


@cache
def _content(path: Path, before: float) -> xr.Dataset:
    engine = "zarr" if path.is_dir() else "h5netcdf" if path.read_bytes()[:4] == b"\x89HDF" else "scipy"
    options = {"consolidated": False} if engine == "zarr" else {}
    return xr.open_dataset(path, engine=engine, decode_times=False, mask_and_scale=False, **options).load()


def _nonsense(rng: np.random.Generator, directory: Path) -> bool:
    """Change a variable of a NetCDF or zarr file; whether that must be refused."""
    paths = sorted([*directory.glob("*.nc"), *directory.glob("*.zarr")])
    path = paths[rng.integers(len(paths))]
    engine = "zarr" if path.is_dir() else "netcdf4" if path.read_bytes()[:4] == b"\x89HDF" else "netcdf3"
    ds = _content(path, 0.0).copy(deep=True)
    names = sorted(map(str, ds.data_vars))
    name = names[rng.integers(len(names))]
    v = ds[name]
    needed = name in next((kind for kind in NEEDED if kind & set(names)), ())
    refused = False
    what = rng.integers(12)
    if what == 0:
        ds = ds.drop_vars(name)
        refused = needed
    elif what == 1:
        ds = ds.rename({name: "nobody"})
        refused = needed
    elif what == 2 and v.ndim:
        dim = v.dims[rng.integers(v.ndim)]
        shorter = v.variable.isel({dim: slice(0, max(1, v.sizes[dim] - 1))})
        ds[name] = xr.Variable([f"{d}_of_{name}" for d in shorter.dims], shorter.values, shorter.attrs)
        refused = needed
    elif what == 3 and v.ndim > 1:
        ds[name] = v.transpose()
    elif what == 4:
        v.attrs["units"] = UNITS[rng.integers(len(UNITS))]
    elif what == 5:
        v.attrs.pop("units", None)
    elif v.dtype.kind == "f" and v.ndim:
        flat = v.values.reshape(-1)
        some = rng.random(flat.size) < rng.choice([0.01, 1.0])
        some[rng.integers(flat.size)] = True
        value = rng.choice([np.nan, np.inf, -np.inf, 1e30, -1e30, 1e308, -9999.0, -1.0, 0.0, 1e6])
        flat[some] = value
    elif what == 9:
        ds[name] = v.astype("S4" if engine != "zarr" else np.int8)
    elif "time" in ds.dims:
        ds = [ds.isel(time=slice(0)), ds.isel(time=slice(None, None, -1)), ds.isel(time=[0, 0, 1])][
            rng.integers(3)
        ]
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    ds.attrs = {}
    others.write(ds.drop_encoding(), path, engine)
    return refused


def _nonsense_in_tables(rng: np.random.Generator, directory: Path) -> bool:
    """Change a number of a .cbf, or a cell, row or column of a table."""
    files = sorted(directory.rglob("*.cbf"))
    if files and rng.random() < 0.5:
        path = files[rng.integers(len(files))]
        values = np.frombuffer(path.read_bytes(), "<f8").copy()
        at = int(rng.choice([rng.integers(5), rng.integers(300), rng.integers(300, values.size)]))
        values[at] = rng.choice([np.nan, np.inf, 1e30, -1e30, -9999.0, 0.0, -1.0, 24.5, 1e6])
        path.write_bytes(values.tobytes())
        return False
    tables = sorted(directory.rglob("*.csv"))
    path = tables[rng.integers(len(tables))]
    rows = [line.split(",") for line in path.read_text().splitlines()]
    row = int(rng.integers(len(rows)))
    column = int(rng.integers(len(rows[0])))
    what = rng.integers(4)
    if what == 0:
        del rows[row]
    elif what == 1:
        rows.append(rows[row])
    elif what == 2:
        rows = [[x for i, x in enumerate(line) if i != column] for line in rows]
    else:
        rows[row][column] = str(
            rng.choice(["", "nan", "1e999", "-1e30", "'", '"', "x" * 1000, "0", "\x00", "é"])
        )
    path.write_text("\n".join(",".join(line) for line in rows))
    return False


DAMAGE = (truncated, flipped, overwritten, lengthened, gone)


@pytest.mark.parametrize("name", IMPORTERS)
def test_whatever_the_input_an_importer_refuses_it_in_a_line_or_makes_a_valid_dataset(
    name, tmp_path, monkeypatch
):
    importer = IMPORTERS[name]
    sound = tmp_path / "sound"
    importer.write(sound)
    assert outcome(importer, sound) in (CLEAN, REPORTED)
    same = {path.relative_to(sound): path.read_bytes() for path in sound.rglob("*") if path.is_file()}
    survives = source_files._survives_reading

    def only_what_changed(
        path: Path,
    ) -> None:  # the sound ones of several files need not be read by another process
        if path.read_bytes() != same.get(Path(path.name)):
            survives(path)

    monkeypatch.setattr(source_files, "_survives_reading", only_what_changed)
    monkeypatch.setattr(source_files, "SILENCE_SECONDS", 8.0)
    counts: Counter[str] = Counter()
    for case in range(CASES or importer.cases):
        rng = np.random.default_rng([case, sum(name.encode())])
        directory = tmp_path / "case"
        shutil.copytree(sound, directory)
        if case % 2:
            damage = DAMAGE[rng.integers(len(DAMAGE))]
        else:
            damage = _nonsense_in_tables if name in ("fluxval", "fluxnet", "generic csv") else _nonsense
        try:
            must = damage(rng, directory)
            found = outcome(importer, directory)
            assert found == REFUSED or not must, "structural damage passed"
        except BaseException as error:
            raise AssertionError(f"{name}, case {case} ({damage.__name__}): {error!r}") from error
        counts[found] += 1
        shutil.rmtree(directory)
    assert counts[REFUSED] > 0.2 * counts.total()
    print(f"{name}: {dict(counts)}")


@pytest.mark.parametrize("factor", [-50.0, 1e4])
def test_values_out_of_range_are_reported(tmp_path, factor):
    """Of each forcing variable and stream of a list, in units that are right."""
    path, toml = others.write_sites(tmp_path, "netcdf3")
    for name in ("t2m_max", "swdown", "co2", "vpd", "rain", "LAI", "GPP", "GPP_validation"):
        source = others.sites()
        source[name] = source[name].copy(data=np.where(source[name] == -9999, -9999, source[name] * factor))
        others.write(source, path, "netcdf3")
        report = check.check(generic.read(path, toml)[0])
        assert report.errors or report.warnings, name
