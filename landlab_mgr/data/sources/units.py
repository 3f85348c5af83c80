"""Units as people write them, read and converted: the one place of landlab that knows them.

`pint` knows units and their dimensions; here are the spellings of the field (`deg C`, `hPA`, `MJ m**-2 day**-1`,
`gC/m2/day`, `VPD [hPa]`), carbon and CO2 as things that grams and moles are of, and water by its depth.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from landlab_mgr.errors import LandlabError

if TYPE_CHECKING:
    import pint

_DEFINITIONS = (
    "gram_carbon = [carbon] = gC",
    "tonne_carbon = 1e6 * gram_carbon = tC",
    "gram_carbon_dioxide = 0.272921 * gram_carbon = gCdioxide",  # 12.011 / 44.009
    "mole_carbon = 12.011 * gram_carbon = molC",
)

_SPELLINGS = {
    **dict.fromkeys(("c", "deg_c", "degree_c", "degrees_c", "celsius", "deg_celsius", "°c", "degc"), "degC"),
    **dict.fromkeys(("degree_celsius", "degrees_celsius"), "degC"),
    **dict.fromkeys(("k", "kelvin", "deg_k", "degk"), "K"),
    **dict.fromkeys(("hpa", "mb", "mbar", "millibar", "millibars"), "hPa"),
    **dict.fromkeys(("pa", "pascal"), "Pa"),
    "kpa": "kPa",
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("h", "hr", "hour", "hours"), "h"),
    **dict.fromkeys(("month", "months", "mon"), "month"),
    **dict.fromkeys(("yr", "year", "years", "a", "annum"), "yr"),
    **dict.fromkeys(("w", "watt", "watts"), "W"),
    **dict.fromkeys(("ppm", "ppmv"), "ppm"),
    **dict.fromkeys(("percent", "perc", "pct"), "%"),
    **dict.fromkeys(("fraction", "ratio", "unitless", "dimensionless", "none"), "1"),
    **dict.fromkeys(("deg", "degree", "degrees"), "deg"),
    **dict.fromkeys(("degree_north", "degrees_north", "degree_n", "degrees_n"), "deg"),
    **dict.fromkeys(("degree_east", "degrees_east", "degree_e", "degrees_e"), "deg"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), "m"),
    **dict.fromkeys(("gc", "gramc"), "gC"),
    "kgc": "kgC",
}
"""By lower case: what pint does not know or takes for something else (C is no coulomb here, k no constant).

Nothing that its case tells apart (mJ and MJ, mg and Mg) may be listed.
"""

_PHRASES = (
    (r"^.*\[([^\[\]]*)\]\s*$", r"\1"),  # "VPD [hPa]"
    (r"(?i)\bdeg(?:ree)?s?\.? ?(c|k|celsius)\b", r"deg_\1"),
    (r"([µun]?mol)\s*-?\s*CO2\b", r"\1C"),
    (r"\b([kMGTPm]?g)\s*CO2\b", r"\1Cdioxide"),
    (r"\b([kMGTPm]?g|[µunm]?mol|t)\s+C\b", r"\1C"),
    (r"(?i)\b(?:of\s+)?(?:H2O|water|CO2)\b", " "),
    (r"\s*(?:\*\*|\^)\s*", ""),
    (r"[({]([-+]?\d)[)}]", r"\1"),
    (r"\bper\b", "/"),
    (r"^\s*\(([^()]*)\)\s*$", r"\1"),
)
"""Rewritten in this order before a unit is taken apart."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−·×μ", "0123456789--**µ")
_TERM = re.compile(r"([A-Za-zµ°_]+|%)([-+]?\d(?!\d|\.\d))?")
_NUMBER = re.compile(r"(\d+(?:\.\d*)?(?:[eE][-+]?\d{1,2})?)(?=[\s*/]|$)")
_MAX_LENGTH = 80
_TEMPERATURES = ("degC", "K", "degF")


def parse(text: str | None, name: str, want: str | None = None, override: str | None = None) -> str:
    """Return a unit in one spelling; "1" where it is a pure number.

    An example is "MJ m-2 d-1" for "MJ m**-2 day**-1".

    Args:
        text: as people write it; None or "" = none given.
        name: of the variable, for the message.
        want: unit that is needed, for the message.
        override: how to say the unit by hand, for the message; by default a flag of the command line.

    Raises:
        LandlabError: for a unit that is missing or unknown.
    """
    needed = f"; {want} or what converts to it is needed" if want else ""
    advice = f"say what it is: {override or f'--units {name}=UNIT'}"
    if text is None or not str(text).strip():
        raise LandlabError(f"{name} has no unit{needed}: {advice}")
    shown = repr(str(text)[:_MAX_LENGTH])
    terms = _terms(str(text))
    if terms is None:
        raise LandlabError(f"{name} has unit {shown}, which cannot be read{needed}: {advice}")
    unknown = next((unit for unit, _ in terms if not unit[0].isdigit() and _unit(unit) is None), None)
    if unknown is not None:
        raise LandlabError(f"{name} has unit {shown}, in which {unknown!r} is unknown{needed}: {advice}")
    return " ".join(unit if power == 1 else f"{unit}{power}" for unit, power in terms) or "1"


def convert(
    values: np.ndarray, have: str | None, want: str, name: str, override: str | None = None
) -> np.ndarray:
    """Values in another unit; floats keep their width, the same unit keeps every bit.

    Kilograms of water per area and millimetres are one; moles of carbon (or CO2) and grams of carbon are.
    Plain grams never become carbon: they may be dry matter. Arguments and errors are those of `parse`.

    Raises:
        LandlabError: also for a unit of another dimension.
    """
    given, needed = (parse(unit, name, want, override) for unit in (have, want))
    numbers = np.asarray(values)
    if numbers.dtype.kind != "f":
        numbers = numbers.astype(np.float64)
    if given == needed:
        return numbers
    linear = _conversion(given, needed)
    if linear is None:
        advice = override or f"--units {name}=UNIT"
        why = (
            "which does not say of what (dry matter is no carbon)"
            if "gC" in needed and _conversion(given, needed.replace("gC", "g")) is not None
            else f"which cannot become {needed}"
        )
        raise LandlabError(f"{name} is in {str(have)!r}, {why}; if its unit is another, say so: {advice}")
    slope, offset = linear
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers * numbers.dtype.type(slope) + numbers.dtype.type(offset)


def contradict(one: str, other: str) -> bool:
    """Return whether two units are not the same; False where one of them cannot be read."""
    try:
        first, second = parse(one, "one"), parse(other, "other")
    except LandlabError:
        return False
    if first == second:
        return False
    linear = _conversion(first, second)
    return linear is None or not np.allclose(linear, (1.0, 0.0), rtol=1e-9, atol=1e-9)


def per_month(unit: str | None, want: str) -> bool:
    """Return whether a rate is by calendar month and the wanted one is not.

    Months have 28 to 31 days.
    """
    given, needed = (_terms(str(x or "")) or [] for x in (unit, want))
    return ("month", -1) in given and ("month", -1) not in needed


def is_power(unit: str | None) -> bool:
    """Return whether a unit is of power per area, as that of latent heat."""
    terms = _terms(str(unit or ""))
    known = bool(terms) and all(name[0].isdigit() or _unit(name) is not None for name, _ in terms or [])
    return known and _conversion(parse(unit, "unit"), "W m-2") is not None


def latent_heat(celsius: np.ndarray) -> np.ndarray:
    """Latent heat of vaporisation of water, MJ kg-1.

    lambda = 2.501 - 0.002361 T (Harrison 1963; FAO-56 annex 3, eq. 3-1), T in degC.
    """
    return 2.501 - 0.002361 * np.asarray(celsius)


def _terms(text: str) -> list[tuple[str, int]] | None:
    """Units and powers, numbers among them; None where it cannot be read."""
    text = text.strip().translate(_SUPERSCRIPTS)
    if len(text) > _MAX_LENGTH:
        return None
    if text == "-" or text.lower() in ("[-]", "(-)", "n/a"):
        return []
    for pattern, replacement in _PHRASES:
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"/\s*\(([^()]*)\)", lambda m: "/" + "/".join(re.split(r"[\s*.]+", m[1].strip())), text)
    terms: list[tuple[str, int]] = []
    at, sign = 0, 1
    while at < len(text):
        if text[at] in " \t*." or (text[at] == "/" and sign == 1):
            sign = -1 if text[at] == "/" else sign
            at += 1
            continue
        number, term = _NUMBER.match(text, at), _TERM.match(text, at)
        found = number or term
        if found is None:
            return None
        if number is not None:
            factor = float(number[1]) ** sign if float(number[1]) else 0.0
            if not 1e-30 < factor < 1e30:
                return None
            if factor != 1:
                terms.append((f"{factor:.12g}", 1))
        elif term is not None:
            unit = _SPELLINGS.get(term[1].lower(), term[1])
            power = sign * int(term[2] or 1)
            if unit != "1" and power:
                terms.append((unit, power))
        at, sign = found.end(), 1
    return terms if sign == 1 and text.strip() else None


@cache
def _registry() -> "pint.UnitRegistry":
    import pint  # a quarter of a second that only importers need

    registry: pint.UnitRegistry = pint.UnitRegistry()
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry


@cache
def _unit(name: str) -> "pint.Unit | None":
    """One unit without a power, e.g. "hPa"; None where pint knows none of that name."""
    try:
        return _registry().Unit("percent" if name == "%" else name)
    except Exception:  # whatever a name that is none of pint's may cause in it
        return None


@cache
def _conversion(have: str, want: str) -> tuple[float, float] | None:
    """Slope and offset from one parsed unit to another; None where the dimensions differ."""
    registry = _registry()
    if want in _TEMPERATURES:
        if have not in _TEMPERATURES:
            return None  # neither a slope alone nor a factor before it makes a temperature
        zero, one = (float(registry.Quantity(x, have).to(want).magnitude) for x in (0.0, 1.0))
        return round(one - zero, 12), round(zero, 9)
    ratio = _quantity(have) / _quantity(want)
    water, carbon = _quantity("1000 kg m-3"), _quantity("12.011 gC mol-1")
    for bridged in (ratio, ratio / water, ratio * water, ratio * carbon, ratio / carbon):
        if bridged.dimensionless:
            return float(bridged.to("").magnitude), 0.0
    return None


def _quantity(parsed: str) -> "pint.Quantity":
    """Return one of a parsed unit, as a quantity.

    Temperatures in it are differences.
    """
    registry = _registry()
    quantity = registry.Quantity(1.0)
    for unit, power in _terms(parsed) or []:
        if unit[0].isdigit():
            quantity = quantity * float(unit)
        else:
            quantity = (
                quantity * registry.Quantity(1.0, "delta_degC" if unit == "degC" else _unit(unit)) ** power
            )
    return quantity
