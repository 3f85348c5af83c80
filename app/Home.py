"""The app: its pages, and what they have in common. Start it with `landlab app`."""

from pathlib import Path

import streamlit as st

from landlab_mgr.errors import LandlabError
from parts import text

ICON = str(
    Path(__file__).parent / "icon.svg"
)  # Streamlit would fetch an emoji or a Material icon from the network

st.set_page_config(page_title="landlab", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
# Streamlit has no option for the empty tenth of the screen that it leaves above a page
st.html("<style>.stMainBlockContainer {padding-top: 4.5rem; padding-bottom: 3rem}</style>")
page = st.navigation(
    [
        st.Page("views/runs.py", title="Runs", icon=":material/table_rows:", default=True),
        st.Page("views/run.py", title="Run", icon=":material/monitoring:", url_path="run"),
    ],
    position="top",
)
try:
    page.run()
except LandlabError as error:
    text.problem(error)
