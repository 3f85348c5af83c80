"""Miniature files of towers in the networks' form: half-hours, days and months of one made truth."""

import numpy as np
import pandas as pd

UMOL = 12.011e-6 * 86400
"""gC m-2 d-1 of one umol m-2 s-1."""


def half_hours(first="2015-01-01", last="2016-12-31 23:30", seed=0):
    """A tower's FULLSET by half-hours: complete, with a daily course, and all fluxes measured."""
    start = pd.date_range(first, last, freq="30min")
    hour = np.asarray(start.hour + start.minute / 60)
    season = np.sin(2 * np.pi * (np.asarray(start.day_of_year) - 105) / 365.25)
    sun = np.maximum(np.sin(np.pi * (hour - 6) / 12), 0)
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(index=start)
    table["TA_F"] = 10 + 8 * season + 4 * sun + rng.normal(size=len(start))
    table["SW_IN_POT"] = 900 * sun
    table["SW_IN_F"] = 500 * sun * (1 + 0.4 * season)
    table["VPD_F"] = 3 + 2 * sun
    table["P_F"] = np.where(rng.random(len(start)) < 0.05, 0.8, 0.0)
    table["CO2_F_MDS"] = 410.0
    table["GPP_NT_VUT_REF"] = 8 * sun * (1 + 0.6 * season)
    table["RECO_NT_VUT_REF"] = 2 + 1.5 * season
    table["NEE_VUT_REF"] = table["RECO_NT_VUT_REF"] - table["GPP_NT_VUT_REF"]
    table["NEE_VUT_REF_QC"] = 0.0
    table["LE_F_MDS"] = 120 * sun * (1 + 0.4 * season)
    table["LE_F_MDS_QC"] = 0.0
    return table


def write(path, table, step="HH", missing=-9999):
    """Write a table as the network does."""
    out = table.copy()
    if step in ("HH", "HR", "WW"):
        form = "%Y%m%d%H%M" if step != "WW" else "%Y%m%d"
        length = {"HH": "30min", "HR": "1h", "WW": "6D"}[step]
        out.insert(0, "TIMESTAMP_START", out.index.strftime(form))
        out.insert(1, "TIMESTAMP_END", (out.index + pd.Timedelta(length)).strftime(form))
    else:
        out.insert(0, "TIMESTAMP", out.index.strftime({"DD": "%Y%m%d", "MM": "%Y%m"}[step]))
    path.parent.mkdir(parents=True, exist_ok=True)
    out.fillna(missing).to_csv(path, index=False)
    return path


def days(table):
    """Daily file of a complete half-hourly one, as ONEFlux makes it."""
    by = table.index.normalize()
    out = table.groupby(by).mean()
    dark = table["SW_IN_POT"] <= 0
    out["TA_F_NIGHT"] = table["TA_F"][dark].groupby(by[dark]).mean()
    out["TA_F_DAY"] = table["TA_F"][~dark].groupby(by[~dark]).mean()
    out["P_F"] = table["P_F"].groupby(by).sum()
    for name in ("NEE_VUT_REF", "GPP_NT_VUT_REF", "RECO_NT_VUT_REF"):
        out[name] *= UMOL
    for name in ("NEE_VUT_REF_QC", "LE_F_MDS_QC"):
        out[name] = (table[name] <= 1).groupby(by).mean()
    return out


def months(daily):
    """Monthly file of a complete daily one."""
    return daily.groupby(daily.index.to_period("M").to_timestamp()).mean()


SITES = "site,lat,lon,igbp,elevation_m,SOIL.clay\nAA-One,50,10,ENF,100,20\nBB-Two,40.2,-3.1,GRA,700,\n"


def write_towers(path):
    """A folder of two towers, of other years and steps, and a table of the sites."""
    table = half_hours()
    write(path / "FLX_AA-One_FLUXNET2015_FULLSET_MM_2015-2016_1-4.csv", months(days(table)), "MM")
    later = half_hours("2017-01-01", "2017-12-31 23:30", seed=1)
    write(path / "ICOSETC_BB-Two_FLUXNET_DD_L2.csv", days(later), "DD")
    (path / "sites.csv").write_text(SITES)
    return path
