"""Miniatures of other people's files: sites and a grid for the generic importer, and CARDAMOM drivers."""

from pathlib import Path

import numpy as np
import xarray as xr

MONTHS = 24
SITES = 9

MAPPING = """
name = "mine"
source = "a test"
licence = "CC0-1.0"
citation = "nobody"
missing = [-9999]

[dims]
time = "time"
pixel = "site"

[geometry]
lat = "site_lat"
lon = "site_lon"
site = "site_name"

[forcing]
tmin = {variable = "t2m_min", units = "K"}
tmax = "t2m_max"
ssrd = "swdown"
co2 = "co2"
vpd = "vpd"
precip = {variable = "rain", units = "kg m-2 s-1"}
burned_area = {value = 0}

[observations]
lai = "LAI"
gpp_fluxnet = {variable = "GPP", weight = "GPP_weight"}

[withheld]
gpp_fluxnet = "GPP_validation"

[predictors.PFT]
forest = {variable = "forest_fraction", units = "%"}

[predictors.SOIL]
soil_class = {variable = "texture", kind = "class", units = "1"}
"""

GRID_MAPPING = (
    MAPPING.replace('pixel = "site"', 'lat = "latitude"\nlon = "longitude"')
    .replace('lat = "site_lat"\nlon = "site_lon"\nsite = "site_name"', 'mask = "land"')
    .replace("[forcing]", "[patches]\ndegrees = [4, 5]\nmin_pixels = 2\n\n[forcing]")
)


def weather(shape: tuple[int, ...], seed: int = 0) -> dict[str, np.ndarray]:
    """Monthly weather in the units of other people, months last; CO2 over the months alone."""
    rng = np.random.default_rng(seed)
    tmin = 275 + 10 * rng.random(shape)
    return {
        "t2m_min": tmin,
        "t2m_max": tmin + 2 + 8 * rng.random(shape),
        "swdown": 250 * rng.random(shape),
        "co2": 370 + 0.2 * np.arange(shape[-1]),
        "vpd": 15 * rng.random(shape),
        "rain": 5e-5 * rng.random(shape),
    }


def _with_units(ds: xr.Dataset) -> xr.Dataset:
    for name, unit in (
        ("t2m_min", "Kelvin of some kind"),
        ("t2m_max", "K"),
        ("swdown", "W m**-2"),
        ("co2", "ppmv"),
        ("vpd", "VPD [hPa]"),
        ("LAI", "m2/m2"),
        ("GPP", "umol m-2 s-1"),
        ("GPP_validation", "gC/m2/day"),
    ):
        ds[name].attrs["units"] = unit
    return ds


def sites(seed: int = 0) -> xr.Dataset:
    """A list of sites over months, as a tower group keeps them."""
    rng = np.random.default_rng([seed, 1])
    monthly = ("site", "time")
    drawn = weather((SITES, MONTHS), seed)
    values = {name: (monthly if x.ndim == 2 else ("time",), x) for name, x in drawn.items()}
    gpp = 8 * rng.random((SITES, MONTHS))
    kept = np.where(np.arange(MONTHS) % 6 == 5, 3.0, np.nan) * np.ones((SITES, 1))
    values |= {
        "LAI": (
            monthly,
            np.where(rng.random((SITES, MONTHS)) < 0.2, -9999.0, 4 * rng.random((SITES, MONTHS))),
        ),
        "GPP": (monthly, np.where(np.isfinite(kept), np.nan, gpp)),
        "GPP_weight": (monthly, np.ones((SITES, MONTHS), np.float32)),
        "GPP_validation": (monthly, kept),
        "forest_fraction": ("site", 100 * rng.random(SITES)),
        "texture": ("site", 1 + np.arange(SITES) % 3),
        "site_lat": ("site", np.linspace(-40, 60, SITES)),
        "site_lon": ("site", np.linspace(5, 355, SITES)),
        "site_name": ("site", np.array([f"S-{i:02d}" for i in range(SITES)])),
    }
    time = (
        "time",
        15.5 + 30.4375 * np.arange(MONTHS),
        {"units": "days since 2003-01-01", "calendar": "standard"},
    )
    return _with_units(xr.Dataset(values, coords={"time": time}))


LAT = np.arange(58, 40, -1.5)
LON = np.arange(1.25, 24, 2.5)


def grid(seed: int = 0) -> xr.Dataset:
    """A grid from north to south; its last three columns are sea, one cell lacks a month of forcing."""
    rng = np.random.default_rng([seed, 2])
    shape = (len(LAT), len(LON), MONTHS)
    order = ("time", "latitude", "longitude")
    drawn = weather(shape, seed)
    values = {n: (order, np.moveaxis(x, -1, 0)) if x.ndim == 3 else ("time", x) for n, x in drawn.items()}
    values["rain"][1][7, 5, 0] = np.nan
    land = np.ones(shape[:2], np.int8)
    land[:, -3:] = 0
    seen = rng.random((MONTHS, *shape[:2])) < 0.7
    seen[:, 1, 1] = False  # forcing, but nothing seen
    gpp = np.where(seen, 8 * rng.random(seen.shape), np.nan)
    values |= {
        "LAI": (order, np.where(seen, 5 * rng.random(seen.shape), -9999.0)),
        "GPP": (order, gpp),
        "GPP_weight": (("latitude", "longitude"), np.ones(shape[:2])),
        "GPP_validation": (order, np.full(seen.shape, np.nan)),
        "forest_fraction": (("longitude", "latitude"), 100 * rng.random(shape[1::-1])),
        "texture": (("latitude", "longitude"), 1.0 + rng.integers(0, 3, shape[:2])),
        "land": (("latitude", "longitude"), land),
    }
    time = ("time", np.arange(MONTHS), {"units": "months since 2003-01-01"})
    coords = {"time": time, "latitude": ("latitude", LAT), "longitude": ("longitude", LON)}
    return _with_units(xr.Dataset(values, coords=coords))


def write(ds: xr.Dataset, path: Path, engine: str) -> Path:
    """Write a dataset as somebody else would: netcdf4, netcdf3 or zarr."""
    if engine == "zarr":
        ds.to_zarr(path, consolidated=False)
    elif engine == "netcdf3":
        ds.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")
    else:
        ds.to_netcdf(path, engine="h5netcdf")
    return path


def write_sites(directory: Path, engine: str = "netcdf4", mapping: str = MAPPING) -> tuple[Path, Path]:
    """The list of sites and its mapping: two paths."""
    directory.mkdir(parents=True, exist_ok=True)
    toml = directory / "mapping.toml"
    toml.write_text(mapping)
    return write(sites(), directory / ("sites.zarr" if engine == "zarr" else "sites.nc"), engine), toml


def write_grid(directory: Path, engine: str = "netcdf4", mapping: str = GRID_MAPPING) -> tuple[Path, Path]:
    """The grid and its mapping: two paths."""
    directory.mkdir(parents=True, exist_ok=True)
    toml = directory / "mapping.toml"
    toml.write_text(mapping.replace("missing = [-9999]", 'missing = [-9999]\nstart = "2003-01"'))
    return write(grid(), directory / ("grid.zarr" if engine == "zarr" else "grid.nc"), engine), toml


def drivers(months: int = 24, dim: str = "time", seed: int = 0) -> xr.Dataset:
    """A CARDAMOM driver file of one cell, with dates and units."""
    rng = np.random.default_rng([seed, 3])
    one = (dim,)
    units = {"T2M_MIN": "deg C", "T2M_MAX": "C", "SSRD": "MJ m**-2 day**-1", "CO2": "CO2 [ppm]", "VPD": "hPA",
             "TOTAL_PREC": "mm/day", "BURNED_AREA": "Burned area [m2/m2]", "SNOWFALL": "mm/day"}  # fmt: skip
    tmin = -5 + 10 * rng.random(months)
    values = {
        "T2M_MIN": tmin,
        "T2M_MAX": tmin + 8,
        "SSRD": 20 * rng.random(months),
        "CO2": 370 + 0.2 * np.arange(months),
        "VPD": 12 * rng.random(months),
        "TOTAL_PREC": 4 * rng.random(months),
        "BURNED_AREA": np.zeros(months),
        "SNOWFALL": rng.random(months),
    }
    ds = xr.Dataset({name: (one, x, {"units": units[name]}) for name, x in values.items()})
    month = np.arange(months)
    for name, scale in (("GPP", 5.0), ("NBE", 1.0), ("ET", 2.0), ("LAI", 3.0)):
        x = np.where(month % 3 == 2, MISSING_CODE, scale * rng.random(months))
        ds[name] = (one, x, {"single_unc": 1.25, "opt_unc_type": 1.0})
    ds["GPP_val"] = (one, np.where(month % 12 == 5, 3.0, MISSING_CODE))
    ds["ABGB"] = (one, np.where(month == 14, 4000.0, MISSING_CODE))
    ds["PEQ_iniSOM"] = ((), 9000.0, {"unc": 1.5})
    ds["GPPunc"] = (one, np.full(months, 0.4))
    ds["LAT"], ds["LON"] = ((), 40.03), ((), -105.55)
    ds["DOY"] = (one, (month % 12 + 0.5) * 30.4375)
    days = (month + 0.5) * 30.4375
    return ds.assign_coords(
        time=(one, days, {"units": "days since 2001-01-01", "calendar": "proleptic_gregorian"})
    )


MISSING_CODE = -9999.0


def write_drivers(ds: xr.Dataset, path: Path) -> Path:
    """Write a driver file, its gaps as -9999 that no attribute declares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = {str(name): {"_FillValue": None} for name in ds.variables}
    ds.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    return path
