"""A miniature FluxVal directory, so that the importer and all that follows is tested without the real one."""

import csv
import struct
from pathlib import Path

import numpy as np

MONTHS = 24
OBSERVATION_COLUMNS = 11
MISSING = -9999.0

# name, IGBP, lat, lon; AA-One and AA-Two share a cell; AA-Gon has no file
SITES = [
    ("AA-One", "ENF", 50.1, 10.1),
    ("AA-Two", "DBF", 50.3, 10.4),
    ("AA-Gon", "GRA", 20.0, 20.0),
    ("BB-One", "EBF", -3.2, -60.2),
    ("BB-Two", "EBF", -4.2, -61.2),
    ("CC-One", "GRA", 40.2, -100.2),
    ("CC-Two", "CSH", 35.2, -110.2),
    ("CC-Tri", "WSA", -15.2, 130.2),
    ("DD-One", "CRO", 48.2, 2.2),
    ("DD-Two", "WET", 64.2, 25.2),
    ("DD-Tri", "SNO", 78.2, 15.2),
    ("EE-One", "MF", 45.2, -70.2),
]
PREDICTOR_COLUMNS = [
    "site",
    "elevation_m",
    "canopy_height_m",
    "whc_top_mm_m",
    "whc_sub_mm_m",
    "perc_top_mm_h",
    "perc_sub_mm_h",
    "soil_class_ecmwf",
    "tree_cover_pct",
]


def static_block(lat: float, months: int = MONTHS, som: float = 9000.0) -> list[float]:
    """The 300 values at the head of a file."""
    header = [MISSING] * 300
    header[0:5] = [1005.0, np.floor(lat * 2) / 2 + 0.25, float(months), 9.0, float(OBSERVATION_COLUMNS)]
    header[122] = som
    return header


def site_table(lat: float, lon: float, months: int = MONTHS) -> np.ndarray:
    """Months x 20 columns; the weather is the cell's, the fluxes the site's."""
    weather = np.random.default_rng([int(np.floor(lat * 2)) + 400, int(np.floor(lon * 2)) + 800])
    fluxes = np.random.default_rng([int(lat * 10) + 4000, int(lon * 10) + 8000])
    table = np.full((months, 9 + OBSERVATION_COLUMNS), MISSING)
    month = np.arange(months)
    table[:, 0] = 15.21875 + 30.4375 * month
    table[:, 1] = 20 - abs(np.floor(lat * 2)) / 6 + weather.normal(size=months)
    table[:, 2] = table[:, 1] + 5 + weather.random(months)
    table[:, 3] = 10 + 5 * weather.random(months)
    table[:, 4] = 370 + 0.2 * month
    table[:, 5] = 15.21875 + 30.4375 * (month % 12)
    table[:, 6] = 0
    table[:, 7] = 5 + weather.random(months)
    table[:, 8] = 3 * weather.random(months)
    table[0, 8] = -7e-15
    seen = slice(2, months, 2)
    for column, scale in ((9, 5.0), (11, 1.0), (13, 2.0)):
        table[seen, column] = scale * fluxes.random(months)[seen]
    table[:, 10] = fluxes.random(months) * 3
    table[min(14, months - 1), 12] = 4000 + 100 * fluxes.random()
    return table


def write_site(directory: Path, number: int, header: list[float], table: np.ndarray) -> Path:
    path = directory / "cbf_files" / f"flux_site_{number}.cbf"
    values = [*header, *table.ravel().tolist()]
    path.write_bytes(struct.pack(f"<{len(values)}d", *values))
    return path


def write_csv(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_fluxval(directory: Path) -> Path:
    (directory / "cbf_files").mkdir(parents=True)
    (directory / "validation_data").mkdir()
    (directory / "validation_data" / "README.md").write_text("under the CC-BY-4.0 data usage license\n")
    header = ["Flux_name", "LC", "Lat", "lon", "flux_site"]
    write_csv(directory / "location_fluxnet.csv", [header, *([n, lc, la, lo, n] for n, lc, la, lo in SITES)])
    for number, (name, _, lat, lon) in enumerate(SITES, start=1):
        if name == "AA-Gon":
            continue
        write_site(
            directory,
            number,
            static_block(lat, som=MISSING if name == "EE-One" else 9000.0),
            site_table(lat, lon),
        )
        rows = [
            ["ID", "Date", "GPP", "NEE", "ET"],
            [2, 200102, 3.5, -1.25, "NaN"],
            [14, 200202, 4.5, -9999, 2],
        ]
        write_csv(directory / "validation_data" / f"validation_{name}.csv", rows)
    rows: list[list[object]] = [list(PREDICTOR_COLUMNS)]
    for index, (name, *_) in enumerate(SITES):
        height = "" if name in ("BB-Two", "DD-Two") else 2.0 * index
        capacity = 999.9 if name == "CC-One" else 50.0 + index
        soil = "" if name == "DD-Tri" else 1 + index % 3
        rows.append([name, 100 * index, height, capacity, 90 + index, 1.5, 2.5, soil, 5 * index])
    write_csv(directory / "site_predictors.csv", rows)
    return directory
