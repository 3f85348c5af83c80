"""Values of files that are none: codes of missing values, outside the valid range, flags. By CF and NUG; JAX-free."""

import re
from typing import Any

import numpy as np
import xarray as xr

_FILL = re.compile(r"(^|_)(fill|filled|fillvalue|missing|no_?data|nan|invalid|undefined|unavailable)(_|$)")
"""Meanings of flags that stand for no value at all."""


def decoded(ds: xr.Dataset) -> xr.Dataset:
    """Mask and scale, lazily, a dataset that was opened undecoded.

    Codes of missing values count in the type of the data: -99.99 as double marks the float32 nearest to it.
    """
    typed = ds.copy()
    for variable in typed.variables.values():
        for key in ("_FillValue", "missing_value"):
            if key in variable.attrs and variable.dtype.kind in "iuf":
                codes = _as_stored(variable.attrs.pop(key), variable)
                if codes.size:
                    variable.attrs[key] = codes[0] if codes.size == 1 else codes
    whole = xr.decode_cf(typed, decode_times=False, decode_timedelta=False)
    whole.set_close(ds.close)
    return whole


def without_invalid(array: xr.DataArray, values: np.ndarray) -> np.ndarray:
    """Values of a decoded variable; NaN outside its valid range, and where a flag says that there is no value."""
    if values.dtype.kind not in "iuf":
        return values
    low = [*_attribute(array, "valid_min"), *_attribute(array, "valid_range")[:1]]
    high = [*_attribute(array, "valid_max"), *_attribute(array, "valid_range")[1:2]]
    slack = 1e-3 * abs(float(array.encoding.get("scale_factor", 0)))  # scaled values are rounded
    wrong = np.zeros(values.shape, bool)
    for limit in low:
        wrong |= values < _like(limit - slack, values)
    for limit in high:
        wrong |= values > _like(limit + slack, values)
    meanings = str(array.attrs.get("flag_meanings", "")).lower().split()
    flags = _attribute(array, "flag_values")
    fills = [flag for flag, meaning in zip(flags, meanings, strict=False) if _FILL.search(meaning)]
    return _masked(values, wrong | _among(values, fills, slack))


def without_flags(array: xr.DataArray, values: np.ndarray) -> np.ndarray:
    """Values of a quantity, NaN where they are any of its flags: 200 for water is no tree cover."""
    slack = 1e-3 * abs(float(array.encoding.get("scale_factor", 0)))
    return _masked(values, _among(values, _attribute(array, "flag_values"), slack))


def _masked(values: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    if not wrong.any():
        return values
    return np.where(wrong, np.nan, values if values.dtype.kind == "f" else values.astype(np.float64))


def _among(values: np.ndarray, codes: Any, slack: float) -> np.ndarray:
    found = np.zeros(values.shape, bool)
    for code in codes:
        found |= np.abs(values - _like(code, values)) <= slack
    return found


def _like(limit: float, values: np.ndarray) -> Any:
    """Return a limit as the values have it.

    0.1 as double is less than 0.1 as float32.
    """
    return values.dtype.type(limit) if values.dtype.kind == "f" else limit


def _attribute(array: xr.DataArray, key: str) -> np.ndarray:
    """Numbers of an attribute as decoded values have them; integers beside packed data are packed too."""
    given = array.attrs.get(key)
    numbers = _numbers(given)
    packed = np.dtype(array.encoding.get("dtype", array.dtype))
    scale, offset = (array.encoding.get(k, x) for k, x in (("scale_factor", 1), ("add_offset", 0)))
    if packed.kind not in "iu" or np.asarray(given).dtype.kind not in "iu":
        return numbers
    if str(array.encoding.get("_Unsigned", "")).lower() == "true":
        numbers = np.where(numbers < 0, numbers + 2.0 ** (8 * packed.itemsize), numbers)
    return numbers * float(scale) + float(offset)


def _numbers(given: Any) -> np.ndarray:
    """Return the numbers of an attribute, which may be text.

    There are none where it holds something else.
    """
    if given is None:
        return np.empty(0)
    parts = re.split(r"[\s,;]+", given.strip()) if isinstance(given, str) else np.atleast_1d(given).tolist()
    try:
        return np.array([float(x) for x in parts])
    except (TypeError, ValueError):
        return np.empty(0)


def _as_stored(given: Any, variable: xr.Variable) -> np.ndarray:
    """Codes of missing values in the type of the data; those that it cannot hold mark nothing."""
    numbers, dtype = _numbers(given), variable.dtype
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return numbers.astype(dtype)
    if numbers.size and (numbers % 1).any() and "scale_factor" in variable.attrs:  # said of unpacked values
        offset = float(variable.attrs.get("add_offset", 0))
        numbers = np.round((numbers - offset) / float(variable.attrs["scale_factor"]))
    limits = np.iinfo(dtype)
    if dtype.kind == "i" and str(variable.attrs.get("_Unsigned", "")).lower() == "true":
        numbers = np.where(numbers > limits.max, numbers - 2.0 ** (8 * dtype.itemsize), numbers)
    held = (numbers % 1 == 0) & (numbers >= limits.min) & (numbers <= limits.max)
    return numbers[held].astype(dtype)
