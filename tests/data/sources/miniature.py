"""A miniature of DifferLand's driver files: the same names, dims, dtypes and fill values on 3 x 4 patches of land.

The names, dims and uses are those of the published code (github.com/JianingFang/DifferLand_Global); the pixels are of
half a degree, 80 to a patch, unless a test asks for others.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

DRIVER = "differland_global_driver_v6.nc"
RUNS = "run_simulation_idx_v6.nc"
VALID = "era_valid_v6.nc"
BULK = "assimilate_bulk_variable_v6.nc"
CO2 = "co2_mm_gl_01_23.csv"

PLANT_TYPES = ("NF", "DBF", "EBF", "MF", "SH", "SAV", "GRA", "WET", "CRO", "NVG")
FLUX = "gC m-2 d-1"
UNITS = {
    **{
        "T_min": "degC",
        "T_max": "degC",
        "SOLR": "MJ m-2 d-1",
        "VPD": "hPa",
        "PREC": "mm d-1",
        "BURNED_AREA": "1",
    },
    **{"DAYS": "days", "DOY": "days"},
    **dict.fromkeys(PLANT_TYPES, "%"),
    **{
        "MAT": "degC",
        "MAP": "mm yr-1",
        "elevation": "m",
        "canopy_height": "m",
        "tree_age_000_filled": "years",
    },
    **{"BULK_DEN": "kg dm-3", "SAND": "%", "SILT": "%", "CLAY": "%", "GRAVEL": "%"},
    **{"LCSPP": "mW m-2 nm-1 sr-1", "LAI": "m2/m2", "LAI_COPERNICUS": "m2/m2"},
    **dict.fromkeys(("NBE", "CAMS_NBE", "GFED_FIRE_EMISSION", "fire_emission"), FLUX),
    **dict.fromkeys(("agb_yan", "bgb_yan", "IB_AGC", "IB_BGC", "initial_som"), "gC m-2"),
    **{"LWE_normalized": "mm", "ET": "mm d-1"},
}
for _share in ("", "_10percent", "_50percent"):
    UNITS |= {f"gpp_fluxnet{_share}": FLUX, f"reco_fluxnet{_share}": FLUX, f"et_fluxnet{_share}": "mm d-1"}

PATCH_ROWS, PATCH_COLUMNS = 3, 4
NORTH, WEST = 50.0, -10.0
COAST, ISLAND = (0, 0), (2, 3)
"""Patches of which half, and a quarter, of the pixels are land."""
TEST = ((0, 2), (2, 0))
BARE = (9, 11)
"""Row and column of a pixel that is valid, but has no canopy height."""
TOWERS = ((10, 12), (10, 13), (20, 25))


def write_differland(
    directory: Path, months: int = 24, degrees: float = 0.5, chunks: tuple | None = None
) -> Path:
    """Write the five files; the same content each time.

    `chunks` are those of what varies by month; without them it lies in one piece. Pixels of half a degree make 80 in a
    patch; TOWERS and BARE are pixels of that grid.
    """
    directory.mkdir(parents=True, exist_ok=True)
    driver = driver_dataset(months, degrees)
    encoding: dict = {}
    if chunks is not None:
        encoding = {
            n: {"chunksizes": chunks, "zlib": True} for n, v in driver.data_vars.items() if v.ndim == 3
        }
    driver.to_netcdf(directory / DRIVER, engine="h5netcdf", encoding=encoding)
    valid, ranks, bulk = masks(degrees)
    coords = {"lat": driver["lat"], "lon": driver["lon"]}
    runs = xr.Dataset({"run_simulation_idx": (("run", "lat", "lon"), ranks)}, coords=coords)
    runs.to_netcdf(directory / RUNS, engine="h5netcdf")
    for name, variable, values in ((VALID, "era_valid", valid), (BULK, "assimilate_bulk_variable", bulk)):
        xr.Dataset({variable: (("lat", "lon"), values)}, coords=coords).to_netcdf(
            directory / name, engine="h5netcdf"
        )
    lines = ["year,month,decimal,average"]
    for m in range(23 * 12):
        lines.append(f"{2001 + m // 12},{1 + m % 12},{2001 + (m + 0.5) / 12:.3f},{370 + 0.17 * m:.2f}")
    (directory / CO2).write_text("\n".join(lines) + "\n")
    return directory


ALTERNATIVES = ("LAI_COPERNICUS", "CAMS_NBE", "IB_AGC", "IB_BGC", "fire_emission")


def changed(files: Path, tmp_path: Path, edit: Callable[[xr.Dataset], xr.Dataset | None]) -> Path:
    """A copy of the miniature in which `edit` changed the driver's content."""
    target = tmp_path / "changed"
    target.mkdir()
    for name in (RUNS, VALID, BULK, CO2):
        (target / name).write_bytes((files / name).read_bytes())
    ds = driver_dataset()
    ds = ds.drop_vars([name for name in ds.data_vars if name in ALTERNATIVES or name.endswith("percent")])
    edited = edit(ds)
    (ds if edited is None else edited).to_netcdf(target / DRIVER, engine="h5netcdf")
    return target


def masks(degrees: float = 0.5, n_runs: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Valid pixels, ranks of the patches in each run (NaN at sea, negative in the test set), and large patches."""
    height, width = round(4 / degrees), round(5 / degrees)
    shape = (PATCH_ROWS * height, PATCH_COLUMNS * width)
    valid = np.ones(shape, bool)
    valid[: height // 2, :width] = False
    valid[2 * height :, 3 * width :] = False
    valid[2 * height : 2 * height + height // 2, 3 * width : 3 * width + width // 2] = True
    valid[height, width] = False  # a lake
    row, column = np.indices(shape)
    patch = row // height * PATCH_COLUMNS + column // width
    trained = [p for p in range(PATCH_ROWS * PATCH_COLUMNS) if divmod(p, PATCH_COLUMNS) not in TEST]
    ranks = np.full((n_runs, *shape), np.nan, np.float32)
    for run in range(n_runs):
        order = np.random.default_rng(run).permutation(trained)
        for rank, p in enumerate(order):
            ranks[run][patch == p] = rank
        for k, (i, j) in enumerate(TEST):
            ranks[run][patch == i * PATCH_COLUMNS + j] = -1 - k
    ranks[:, ~valid] = np.nan
    large = np.isin(
        patch, [COAST[0] * PATCH_COLUMNS + COAST[1], ISLAND[0] * PATCH_COLUMNS + ISLAND[1]], invert=True
    )
    return valid, ranks, large


def driver_dataset(months: int = 24, degrees: float = 0.5) -> xr.Dataset:
    """The driver file's content."""
    valid, _, _ = masks(degrees)
    rows, columns = valid.shape
    lat = NORTH - degrees * (np.arange(rows) + 0.5)
    lon = WEST + degrees * (np.arange(columns) + 0.5)
    month = np.datetime64("2001-01", "M") + np.arange(months)
    ds = xr.Dataset(coords={"time": month.astype("datetime64[ns]"), "lat": lat, "lon": lon})
    rng = np.random.default_rng(7)
    shape = (months, rows, columns)

    def drawn(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, shape)

    def add(name: str, values: np.ndarray, sea: float = np.nan) -> None:
        values = np.where(valid, values, sea).astype(np.float32)
        ds[name] = (("time", "lat", "lon")[3 - values.ndim :], values)
        if name in UNITS:
            ds[name].attrs["units"] = UNITS[name]

    middle = month.astype("datetime64[D]") + 15
    season = np.cos(2 * np.pi * (np.arange(months) - 6) / 12)[:, None, None]
    add("DAYS", np.broadcast_to((middle - np.datetime64("2000-01-01")).astype(float)[:, None, None], shape))
    add("DOY", np.broadcast_to((15.2 + 30.4 * (np.arange(months) % 12))[:, None, None], shape))
    add("T_min", 8 + 8 * season + drawn(-2, 2))
    add("T_max", 16 + 9 * season + drawn(-2, 2))
    add("SOLR", 14 + 8 * season + drawn(-2, 2))
    add("VPD", 9 + 4 * season + drawn(-1, 1))
    precip = drawn(0, 6)
    precip[1, 9, 13] = -2e-6  # round-off
    add("PREC", precip)
    add("BURNED_AREA", np.where(drawn(0, 1) > 0.98, 0.05, 0))

    fractions = rng.dirichlet(np.ones(10), (rows, columns)) * 95
    for i, name in enumerate(PLANT_TYPES):
        add(name, fractions[..., i])
    ranges = {"MAT": (-5, 25), "MAP": (200, 2000), "elevation": (0, 3000), "canopy_height": (0, 35)}
    ranges |= {"tree_age_000_filled": (1, 200), "BULK_DEN": (0.8, 1.6), "GRAVEL": (0, 30)}
    ranges |= dict.fromkeys(("SAND", "SILT", "CLAY"), (10, 50))
    for name, (low, high) in ranges.items():
        add(name, rng.uniform(low, high, (rows, columns)))
    if degrees == 0.5:
        ds["canopy_height"][BARE] = np.nan
    add("LAT", np.broadcast_to(lat[:, None], (rows, columns)))
    add("lat_deg", np.broadcast_to(lat[:, None], (rows, columns)))
    add("lon_deg", np.broadcast_to(lon, (rows, columns)))
    add("null", rng.normal(size=(rows, columns)))

    def observed(name: str, low: float, high: float, there: float = 0.8) -> None:
        add(name, np.where(drawn(0, 1) < there, drawn(low, high), np.nan))

    observed("LCSPP", 0, 0.6)
    observed("LAI", 0.2, 6)
    observed("LAI_COPERNICUS", 0.2, 6)
    for name in ("NBE", "CAMS_NBE"):
        observed(name, -2, 2)
    for name in ("GFED_FIRE_EMISSION", "fire_emission"):
        observed(name, 0, 1)
    observed("LWE_normalized", -200, 200)
    observed("ET", 0, 6)
    ds["ET"].values[3, 10, 12] = -9999  # no data that no attribute declares
    for name, most in (("agb_yan", 15000), ("bgb_yan", 4000), ("IB_AGC", 15000), ("IB_BGC", 4000)):
        yearly = rng.uniform(100, most, (months // 12 + 1, rows, columns))
        add(name, np.repeat(yearly, 12, axis=0)[:months])
    add("initial_som", rng.uniform(2000, 20000, (rows, columns)))
    for share, towers in (("", TOWERS), ("_10percent", TOWERS[:1]), ("_50percent", TOWERS[1:])):
        for flux, low, high in (("gpp", 0, 12), ("reco", 0, 9), ("et", 0, 5)):
            values, weight = np.full(shape, np.nan), np.full(shape, np.nan)
            for i, (r, c) in enumerate(towers if degrees == 0.5 else ()):
                values[2:20, r, c] = rng.uniform(low, high, len(values[2:20]))
                if i:  # the first tower's weights are missing: 1
                    weight[2:20, r, c] = 0.25 * i
            add(f"{flux}_fluxnet{share}", values)
            add(f"{flux}_fluxnet_weight{share}", weight)
    return ds
