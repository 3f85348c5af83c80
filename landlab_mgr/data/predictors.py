"""From a dataset's predictors to the network's input columns, standardised by a member's training pixels.

Columns, in the order of the groups and of the sorted names in them:

- continuous: (value - mean) / sd over the observed training pixels; missing = the training mean within the
  pixel's plant type, or the overall one where the type is unknown or has no observed training pixel;
  the plant type is the code of the class predictor `igbp`, or without one the dominant fraction of group PFT;
- class: one 0/1 column per code (called by its word if it has one), not standardised: 0/1 is of order one already,
  while dividing a rare class by its small sd would make its few pixels outliers, and a class absent from training
  has no sd at all; missing = all 0;
- after a predictor that misses any value in the dataset, a 0/1 column that flags the pixels where it does;
- LATLON: lat and lon, as continuous; CONTROL: white noise from the member's seed;
- PLACE, by itself: the number of the place in the dataset that the member was made on, for free parameters.

Which columns there are depends on the dataset and the groups alone, never on the member.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landlab_mgr.data import schema
from landlab_mgr.errors import LandlabError
from landlab_mgr.models.options import PLACE
from landlab_mgr.spec.run import GROUP_ORDER

NOISE_STREAM = 0xC0
"""Second word of the seed of CONTROL's noise, apart from the member's other draws."""

IGBP = "igbp"
"""Name of the class predictor that says which plant type a pixel is of."""

_ROUND_OFF = 1e-9
"""A spread below this fraction of the mean is round-off of a constant: it is not blown up to order one."""


@dataclass(frozen=True)
class _Continuous:
    kind: ClassVar[str] = "continuous"
    name: str
    mean: float
    sd: float
    mean_of_type: dict[str, float]
    flagged: bool

    @property
    def columns(self) -> list[str]:
        return [self.name, f"{self.name} missing"] if self.flagged else [self.name]

    def apply(self, ds: xr.Dataset, plant_type: np.ndarray) -> list[np.ndarray]:
        values = _values(ds, self.name)
        missing = np.isnan(values)
        kinds, which = np.unique(plant_type, return_inverse=True)
        filler = np.array([self.mean_of_type.get(kind, self.mean) for kind in kinds])[which]
        standardised = (np.where(missing, filler, values) - self.mean) / self.sd
        return [standardised, missing] if self.flagged else [standardised]


@dataclass(frozen=True)
class _Class:
    kind: ClassVar[str] = "class"
    name: str
    classes: list[float]
    flagged: bool
    words: list[str] = field(default_factory=list)
    """Names of the classes where the dataset has them; another dataset may number the same names otherwise."""

    @property
    def columns(self) -> list[str]:
        codes = [f"{self.name}={code}" for code in self.words or [f"{code:g}" for code in self.classes]]
        return [*codes, f"{self.name} missing"] if self.flagged else codes

    def apply(self, ds: xr.Dataset, plant_type: np.ndarray) -> list[np.ndarray]:
        values = _values(ds, self.name)
        missing = np.isnan(values)
        theirs = class_words(ds, self.name)
        if self.words and theirs:
            code_of = dict(zip(self.words, self.classes, strict=True))
            unknown = sorted({theirs[code] for code in np.unique(values[~missing])} - set(code_of))
            if unknown:
                raise LandlabError(
                    f"{self.name} is {unknown[0]} at some pixels; the member knows {', '.join(self.words)}: "
                    "leave these pixels out"
                )
            values = np.array([np.nan if np.isnan(x) else code_of[theirs[x]] for x in values])
        strange = np.setdiff1d(values[~missing], self.classes)
        if strange.size:
            known = ", ".join(f"{code:g}" for code in self.classes)
            raise LandlabError(
                f"{self.name} holds code {strange[0]:g}; the member knows {known}: recode the dataset"
            )
        one_hot = [values == code for code in self.classes]
        return [*one_hot, missing] if self.flagged else one_hot


@dataclass(frozen=True)
class _Noise:
    kind: ClassVar[str] = "noise"
    seed: int

    @property
    def columns(self) -> list[str]:
        return ["noise"]

    def apply(self, ds: xr.Dataset, plant_type: np.ndarray) -> list[np.ndarray]:
        return [np.random.default_rng([self.seed, NOISE_STREAM]).standard_normal(ds.sizes["pixel"])]


@dataclass(frozen=True)
class _Place:
    kind: ClassVar[str] = "place"
    lat: list[float]
    lon: list[float]

    @property
    def columns(self) -> list[str]:
        return ["place"]

    def apply(self, ds: xr.Dataset, plant_type: np.ndarray) -> list[np.ndarray]:
        number = {place: i for i, place in enumerate(zip(self.lat, self.lon, strict=True))}
        places = list(zip(ds["lat"].values.tolist(), ds["lon"].values.tolist(), strict=True))
        for lat, lon in places:
            if (lat, lon) not in number:
                raise LandlabError(
                    f"the member has parameters of {len(number)} places of its own dataset, and none of "
                    f"{lat:g}, {lon:g} (latitude, longitude); predict its dataset, or train with network.kind 'static'"
                )
        return [np.array([number[place] for place in places], float)]


_Part = _Continuous | _Class | _Noise | _Place
_PARTS: dict[str, type[_Part]] = {part.kind: part for part in (_Continuous, _Class, _Noise, _Place)}


@dataclass(frozen=True)
class Encoder:
    """Encoder that turns predictors into columns for one member.

    It is made by `encode`, and kept in the member's checkpoint by `to_dict`.
    """

    groups: tuple[str, ...]
    parts: tuple[_Part, ...]

    @property
    def columns(self) -> list[str]:
        """Name of each column."""
        return [column for part in self.parts for column in part.columns]

    @property
    def n_columns(self) -> int:
        """Number of columns; the same for every member on a dataset and a set of groups."""
        return len(self.columns)

    def apply(self, ds: xr.Dataset) -> np.ndarray:
        """Encode the pixels of a dataset, float32 [pixel, n_columns], without NaN.

        The dataset may be another than the encoder was made on: statistics, classes and flagged predictors
        are those of the member. Raises `LandlabError` for a predictor it lacks, or a class code unknown to
        the member.
        """
        plant_type = plant_types(ds)
        columns = [column for part in self.parts for column in part.apply(ds, plant_type)]
        return np.stack(columns, axis=1).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers."""
        return {
            "groups": list(self.groups),
            "parts": [asdict(part) | {"kind": part.kind} for part in self.parts],
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Encoder":
        """Return the encoder that `to_dict` described."""
        parts = []
        for part in content["parts"]:
            fields = {key: value for key, value in part.items() if key != "kind"}
            parts.append(_PARTS[part["kind"]](**fields))
        return cls(tuple(content["groups"]), tuple(parts))


def groups(ds: xr.Dataset) -> dict[str, list[str]]:
    """Predictor groups that a spec may name on this dataset, and the predictors of each.

    In the order of `spec.GROUP_ORDER`, others after by name; every dataset has CONTROL and LATLON.
    """
    found: dict[str, list[str]] = {"CONTROL": ["noise"], "LATLON": ["lat", "lon"]}
    for name in schema.names(ds, "predictor"):
        found.setdefault(ds[name].attrs["group"], []).append(name)
    rank = {name: place for place, name in enumerate(GROUP_ORDER)}
    return {
        name: found[name] for name in sorted(found, key=lambda group: (rank.get(group, len(rank)), group))
    }


def width(ds: xr.Dataset) -> int:
    """Columns that all groups of the dataset's own need together, at least LATLON's two.

    Members pad their columns to it, so that one compilation serves all setups. A setup that adds LATLON or
    CONTROL to all the other groups is wider.
    """
    own = [name for name in groups(ds) if name not in schema.IMPLICIT_GROUPS]
    return max(2, encode(ds, own, np.ones(ds.sizes["pixel"], bool), 0).n_columns if own else 0)


def encode(ds: xr.Dataset, names: Sequence[str], train: np.ndarray, seed: int) -> Encoder:
    """Make the encoder of one member.

    `names` are predictor groups, `train` is bool [pixel], `seed` draws CONTROL's noise. No value of a pixel
    outside `train` enters, except that a predictor is flagged where any pixel of the dataset misses it.
    Raises `LandlabError` for a group that the dataset lacks, or no training pixel.
    """
    if tuple(names) == (PLACE,):
        return Encoder((PLACE,), (_Place(ds["lat"].values.tolist(), ds["lon"].values.tolist()),))
    available = groups(ds)
    unknown = [name for name in names if name not in available]
    if unknown:
        raise LandlabError(f"unknown predictor group {unknown[0]!r}; this dataset has {', '.join(available)}")
    train = np.asarray(train, bool)
    if train.shape != (ds.sizes["pixel"],) or not train.any():
        raise LandlabError(
            f"{train.sum()} training pixels of {ds.sizes['pixel']}; give a mask with at least one"
        )
    chosen = tuple(group for group in available if group in names)
    plant_type = plant_types(ds)
    parts: list[_Part] = []
    for group in chosen:
        for name in available[group]:
            if group == "CONTROL":
                parts.append(_Noise(int(seed)))
            elif ds[name].attrs.get("kind") == "class":
                codes = [float(code) for code in np.atleast_1d(ds[name].attrs["classes"])]
                words = list(class_words(ds, name).values())
                parts.append(_Class(name, codes, bool(np.isnan(_values(ds, name)).any()), words))
            else:
                parts.append(_continuous(name, _values(ds, name), train, plant_type))
    return Encoder(chosen, tuple(parts))


def _continuous(name: str, values: np.ndarray, train: np.ndarray, plant_type: np.ndarray) -> _Continuous:
    missing = np.isnan(values)
    observed = train & ~missing
    mean = float(values[observed].mean()) if observed.any() else 0.0
    sd = float(values[observed].std()) if observed.any() else 0.0
    of_type = {
        str(kind): float(values[observed & (plant_type == kind)].mean())
        for kind in np.unique(plant_type[observed & (plant_type != "")])
    }
    return _Continuous(name, mean, sd if sd > _ROUND_OFF * abs(mean) else 1.0, of_type, bool(missing.any()))


def class_words(ds: xr.Dataset, name: str) -> dict[float, str]:
    """Names of a class predictor's codes, in the order of its classes; none where the dataset has only codes."""
    codes = np.atleast_1d(ds[name].attrs["classes"])
    words = str(ds[name].attrs.get("flag_meanings", "")).split()
    return (
        {float(code): word for code, word in zip(codes, words, strict=True)}
        if len(words) == len(codes)
        else {}
    )


def plant_types(ds: xr.Dataset) -> np.ndarray:
    """Return the plant type of each pixel.

    It is the IGBP class, or else the dominant plant type, the first by name of equal ones; "" = unknown.
    """
    if IGBP in ds and ds[IGBP].attrs.get("kind") == "class":
        codes = _values(ds, IGBP)
        return np.where(np.isnan(codes), "", [f"{IGBP}={code:g}" for code in codes])
    types = [
        name
        for name in schema.names(ds, "predictor")
        if ds[name].attrs["group"] == "PFT" and ds[name].attrs["kind"] == "continuous"
    ]
    if not types:
        return np.full(ds.sizes["pixel"], "")
    fractions = np.nan_to_num(np.stack([_values(ds, name) for name in types]))
    return np.where(fractions.max(axis=0) > 0, np.array(types)[fractions.argmax(axis=0)], "")


def _values(ds: xr.Dataset, name: str) -> np.ndarray:
    if name not in ds:
        raise LandlabError(f"the dataset has no predictor {name!r}, which the member was trained with")
    return ds[name].values.astype(np.float64)
