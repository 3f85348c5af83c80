"""What `landlab app` runs: Streamlit's command line, once the libraries that the pages need are imported.

Otherwise the first visitor would wait for them.
"""

import gc
import sys
from importlib import import_module

from streamlit.web.cli import main

# not parts.*, whose caches want a running server
NEEDED = ("artifacts", "catalog.compare", "data.split", "data.store", "display", "workspace")

if __name__ == "__main__":
    import plotly.graph_objects as go

    for module in NEEDED:
        import_module(f"landlab_mgr.{module}")
    go.Figure(go.Heatmap(z=[[0.0]])).to_json()  # imports what plotly imports late
    gc.collect()
    # Streamlit collects garbage after every run of a page: 150 ms, were the libraries' objects looked through each time
    gc.freeze()
    sys.exit(main(prog_name="streamlit"))
