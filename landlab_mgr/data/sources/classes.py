"""Classes that files name by words (land cover, soil texture): kept as codes, with the words beside them."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.data.predictors import IGBP

_IGBP_WORDS = (
    *("ENF", "EBF", "DNF", "DBF", "MF", "CSH", "OSH", "WSA", "SAV"),
    *("GRA", "WET", "CRO", "URB", "CVM", "SNO", "BSV", "WAT"),
)
IGBP_CODES = {word: float(code) for code, word in enumerate(_IGBP_WORDS, start=1)}
"""Numbers of the IGBP classes as MODIS land cover has them: the same in every dataset."""


def add(
    ds: xr.Dataset, name: str, words: Sequence[str | None], group: str, about: str, unit: str = "1"
) -> None:
    """Add a predictor of classes from a word by pixel; None or "" = missing.

    Words are numbered by the alphabet; IGBP's have the numbers of IGBP. Models know them by their words.
    """
    clean = [str(word).strip() if isinstance(word, str) else "" for word in words]
    present = sorted({word for word in clean if word})
    codes: Mapping[str, float] = {word: float(i) for i, word in enumerate(present)}
    if name == IGBP and set(present) <= set(IGBP_CODES):
        codes = IGBP_CODES
        present.sort(key=IGBP_CODES.__getitem__)
    schema.add(
        ds,
        name,
        np.array([codes[word] if word else np.nan for word in clean]),
        "predictor",
        unit,
        about,
        group=group,
        kind="class",
        classes=[codes[word] for word in present],
        flag_meanings=" ".join(word.replace(" ", "_") for word in present),
    )
