"""Split map: where the members of an ensemble train and develop, and where all of them are tested. JAX-free."""

import numpy as np
import pandas as pd
import xarray as xr

from landlab_mgr.analysis import runs
from landlab_mgr.analysis.contract import Analysis, Needs, Options
from landlab_mgr.analysis.figures.split_map import figure
from landlab_mgr.data import schema, split

ORDER = (split.TRAIN, split.DEV, split.TEST, split.UNUSED)


def compute(ds: xr.Dataset, options: Options) -> xr.Dataset:
    """`draws` [part, pixel]: of how many draws of the split a pixel is of each part; `lat`, `lon`, `patch` [pixel].

    Members of equal kind of split and seed share their draw. LandlabError where a split cannot be drawn.
    """
    geometry = {n: ds[n].values for n in (*schema.GEOMETRY, *schema.OPTIONAL_GEOMETRY) if n in ds}
    draws = dict.fromkeys((spec.split, spec.seeds.split) for spec in runs.specs(ds))
    labels = np.stack([split.assign(geometry, kind, seed) for kind, seed in draws])
    counts = np.stack([(labels == part).sum(axis=0) for part in ORDER])
    here = counts.sum(axis=1) > 0
    return xr.Dataset(
        {
            "draws": (("part", "pixel"), counts[here].astype(np.int32)),
            "lat": ("pixel", geometry["lat"]),
            "lon": ("pixel", geometry["lon"]),
            "patch": ("pixel", geometry["patch"]),
            "area_m2": ("pixel", geometry["area_m2"]),
        },
        {"part": [part for part, some in zip(ORDER, here, strict=True) if some]},
        {
            "synthetic": ds.attrs["synthetic"],
            "drawn": len(labels),
            "runs": ds.sizes["run"],
            "notes": f"{len(labels)} draws of the split, by kind and seed; what is held out follows no seed",
        },
    )


def table(ds: xr.Dataset) -> pd.DataFrame:
    """Return a row for each part: its pixels, patches and share of the area, on average over the draws."""
    n, area, rows = ds.attrs["drawn"], ds["area_m2"].values, []
    size = np.bincount(ds["patch"].values)
    for part in ds["part"].values:
        share = ds["draws"].sel(part=part).values / n
        patches = float((np.bincount(ds["patch"].values, share) / np.maximum(size, 1)).sum())
        rows.append(
            {
                "part": part,
                "pixels": float(share.sum()),
                "patches": patches,
                "% of area": 100 * float(share @ area / area.sum()),
                "pixels in any draw": int((share > 0).sum()),
            }
        )
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    name="split_map",
    summary="where members train and develop, and where all of them are tested",
    options=Options,
    needs=lambda options: Needs(),
    compute=compute,
    table=table,
    figure=figure,
)
