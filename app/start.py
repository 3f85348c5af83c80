"""Program that `landlab app` runs: Streamlit's command line, once the libraries that the pages need are imported.

Otherwise the first visitor would wait for them.
"""

import gc
import sys
from importlib import import_module

import pandas as pd
import xarray as xr
from streamlit.web.cli import main
from zarr.storage import MemoryStore

from landlab_mgr.catalog.filter import compile_filter

# not parts.*, whose caches want a running server
NEEDED = (
    "storage.artifacts",
    "catalog.compare",
    "data.split",
    "data.store",
    "workspace.display",
    "workspace.workspace",
)


def warm() -> None:
    """Have libraries do what they do late: plotly when it draws, xarray and zarr when they read, a filter's parser."""
    import plotly.graph_objects as go

    compile_filter("seed = 0")
    go.Figure(go.Scatter(x=[0.0], y=[0.0])).to_json()
    file = MemoryStore()
    xr.Dataset(coords={"time": pd.date_range("2001-01-01", periods=2)}).to_zarr(file, consolidated=False)
    xr.open_zarr(file, consolidated=False).load()


if __name__ == "__main__":
    for module in NEEDED:
        import_module(f"landlab_mgr.{module}")
    warm()
    gc.collect()
    # Streamlit collects garbage after every run of a page: 150 ms, were the libraries' objects looked through each time
    gc.freeze()
    sys.exit(main(prog_name="streamlit"))
