"""The app: its pages, and what they have in common. Start it with `landlab app`."""

from pathlib import Path

import streamlit as st

from landlab_mgr.errors import LandlabError
from parts import access, text

# Streamlit would fetch an emoji or a Material icon from the network
ICON = str(Path(__file__).parent / "icon.svg")

st.set_page_config(page_title="landlab", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")
# Streamlit has no option for the empty tenth of the screen that it leaves above a page
st.html("<style>.stMainBlockContainer {padding-top: 4.5rem; padding-bottom: 3rem}</style>")
page = st.navigation(
    [
        st.Page("views/overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page("views/runs.py", title="Runs", icon=":material/table_rows:", url_path="runs"),
        st.Page("views/tuning.py", title="Tuning", icon=":material/tune:", url_path="tuning"),
        st.Page("views/ensembles.py", title="Ensembles", icon=":material/groups:", url_path="ensembles"),
        st.Page("views/analyses.py", title="Analyses", icon=":material/query_stats:", url_path="analyses"),
        st.Page("views/maps.py", title="Maps", icon=":material/public:", url_path="maps"),
        st.Page("views/data.py", title="Data", icon=":material/database:", url_path="data"),
        st.Page("views/help.py", title="Help", icon=":material/help:", url_path="help"),
        # reached from the table of runs, or by a link
        st.Page("views/run.py", title="Run", url_path="run", visibility="hidden"),
        st.Page("views/compare.py", title="Compare", url_path="compare", visibility="hidden"),
    ],
    position="top",
)
if not access.admitted():
    st.stop()
try:
    page.run()
except LandlabError as error:
    text.problem(error)
