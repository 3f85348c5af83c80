"""What a page that AppTest has run shows: its figures, its commands, its words."""

import base64
import json

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest


def figure(app: AppTest, key: str) -> dict:
    """The data and layout of the plotly figure of this key."""
    found = next(f for f in app.get("plotly_chart") if f.proto.id.endswith(f"-{key}"))
    return json.loads(found.proto.spec)


def table(app: AppTest, *columns: str) -> pd.DataFrame:
    """The first table that has these columns."""
    return next(d.value for d in app.dataframe if {*columns} <= {*d.value.columns})


def values(array) -> np.ndarray:
    """An array of a figure, as plotly sends it."""
    if not isinstance(array, dict):
        return np.array(array)
    flat = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    return flat.reshape([int(n) for n in str(array["shape"]).split(",")]) if "shape" in array else flat


def commands(app: AppTest) -> list[str]:
    """Lines to copy into a shell."""
    return [line for block in app.code for line in block.value.splitlines()]


def words(app: AppTest) -> str:
    """What stands on the page as text, without the backslashes that make it harmless."""
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.success, *app.error, *app.expander]
    said = [getattr(part, "value", None) or getattr(part, "label", "") for part in parts]
    return "\n".join(said).replace("\\", "")
