"""The members' monthly predictions beside what was observed, made comparable as evaluations do. JAX-free."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from landlab_mgr.analysis import runs
from landlab_mgr.analysis.of_models import streams_in
from landlab_mgr.data import split
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.comparable import (
    COMPARED,
    comparable,
    from_steps,
    is_compared,
    means_of_patches,
    observed,
    patch_means,
    score_name,
    weight_of,
)
from landlab_mgr.observations.streams import Stream, stream_variable
from landlab_mgr.spec.run import RunSpec

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

WITHHELD = "withheld"


@dataclass(frozen=True, eq=False)
class Target:
    """One observed variable, at the resolution at which members are compared with it: P pixels or patches."""

    name: str
    """As its scores are filed: the variable, or the stream where several observe that."""
    stream: Stream
    """Stream: its average, and the level of comparison, which is pixel where the files are of patches."""
    output: str
    """Output of the model that it is compared with."""
    unit: str
    level: str
    """Kind of the P places: pixel or patch."""
    observed: Values
    """[T or years or 1, P], NaN where missing or in the warm-up."""
    steps: int
    """Count of T, years or 1 that there would be, were everything observed."""
    months: Values
    """[T, N] what was observed, of the pixels or patches that the files hold."""
    weight: Values | None
    """[T, N] of those observations, where they do not count alike."""
    patch: npt.NDArray[np.integer]
    """Patch of each of those, [N]."""
    warmup: int
    """Steps at the start that count for nothing."""
    calendar: Calendar
    kept: str = ""
    """Variable of the files that holds it by patch over what was observed; "" where it follows from `output`."""

    @property
    def average(self) -> str:
        """As `Stream.average`."""
        return self.stream.average

    def of(self, file: xr.Dataset) -> Values:
        """Return a member's prediction, as `observed`, from its `monthly` file.

        NaN where nothing was observed.
        """
        modelled = self.kept or self.output
        if modelled not in file:
            raise LandlabError(f"run {file.attrs.get('run_id')} kept no {modelled}; `landlab doctor --deep`")
        x = file[modelled].values.T
        if self.kept and x.shape == self.months.shape:
            own = from_steps(self.stream, x, self.calendar)
            return np.where(np.isfinite(self.observed), own.astype(np.float64), np.nan)
        if x.shape != self.months.shape:
            raise LandlabError(
                f"run {file.attrs.get('run_id')} has {modelled} of {x.shape[0]} months x {x.shape[1]} places, the "
                f"dataset {self.months.shape[0]} x {self.months.shape[1]}; `landlab doctor --deep` says what to do"
            )
        return comparable(self.stream, x, self.months, self.patch, self.warmup, self.calendar, self.weight)[0]

    def labels(self, file: xr.Dataset) -> npt.NDArray[np.str_]:
        """Part of the member's split that each place belongs to, [P]."""
        label: npt.NDArray[np.str_] = file["split"].values
        return label[np.unique(self.patch, return_index=True)[1]] if self.stream.level == "patch" else label


@dataclass(frozen=True, eq=False)
class Stack:
    """All members' predictions of one variable."""

    target: Target
    modelled: Values
    """[M, T', P] float32; NaN where nothing was observed."""
    label: npt.NDArray[np.str_]
    """[M, P]: part of each member's split."""

    def scored(self, part: str) -> Mask:
        """Return which members are scored at which places, [M, P]."""
        return scored(self.label, part)


def scored(label: npt.NDArray[np.str_], part: str) -> Mask:
    """Return where members are scored, by their labels.

    So no member is asked about what it learned from.

    Test places are the same for all members; dev and train are each member's own, so that a mean over the scored
    members of dev is an out-of-bag one. Withheld months are scored where the member trained.
    """
    return label == (split.TRAIN if part == WITHHELD else part)


def targets(
    data: xr.Dataset,
    spec: RunSpec,
    by_patch: bool,
    part: str,
    variables: Sequence[str] = (),
    kept: Collection[str] = (),
) -> list[Target]:
    """Return what the dataset observed, for members of a specification.

    Targets are in the order of the table of variables.

    Args:
        data: the dataset; read one stream at a time.
        spec: whose warm-up and held-out months count.
        by_patch: whether the members' files hold means of patches, not pixels: then all is compared by patch.
        part: train, dev and test take the months that members learned from, withheld the others.
        variables: names as scores are filed; none means all.
        kept: variables of the files that hold patches over what was observed of them; none in older files, of which
            a patch counts in months when every pixel of it was observed.

    Raises:
        LandlabError: for a variable that the dataset does not observe, or where nothing is observed.
    """
    streams = streams_in(data)
    names = {score_name(s, streams): s for s in streams}
    unknown = [v for v in variables if v not in names]
    if unknown:
        raise LandlabError(f"option variables: no observed {unknown[0]!r}; there are: {', '.join(names)}")
    table, outputs, calendar = registry.variables(), spec.tables.modelled, Calendar.of(data)
    order = [*table, *registry.streams()]
    held_out = split.withheld_months(data, spec.split)
    if held_out is None:
        held_out = np.zeros((data.sizes["time"], 1), bool)
    period, warmup = (
        "withheld" if part == WITHHELD else "observation",
        calendar.steps_in_months(spec.warmup_months),
    )
    observations = []
    for name in sorted(variables or names, key=lambda n: (order.index(names[n].variable), order.index(n))):
        stream, patch = names[name], data["patch"].values
        if stream.name not in outputs or not is_compared(data, stream, period, bool(held_out.any())):
            continue
        unit = table[stream.variable].unit
        name_of_kept = COMPARED + stream_variable(stream.name, period)
        if by_patch and name_of_kept in kept:
            seen = observed_of_patches(data, stream, period, held_out, warmup, calendar)
            months = np.broadcast_to(np.float32(np.nan), (data.sizes["time"], seen.shape[1]))
            n, of_patch = steps(data, spec, part, stream.average), replace(stream, level="pixel")
            observations.append(
                Target(
                    *(name, of_patch, outputs[stream.name], unit, "patch", seen, n, months, None),
                    *(np.arange(seen.shape[1]), warmup, calendar, name_of_kept),
                )
            )
            continue
        months, weight = observed(data, stream.name, period, held_out), weight_of(data, stream.name, period)
        level = stream.level
        if by_patch:
            months, patch, weight = patch_means(months, patch), np.arange(patch.max() + 1), None
            stream, level = replace(stream, level="pixel"), "patch"
        _, seen = comparable(stream, months, months, patch, warmup, calendar, weight)
        n = steps(data, spec, part, stream.average)
        output = outputs[stream.name]
        observations.append(
            Target(name, stream, output, unit, level, seen, n, months, weight, patch, warmup, calendar)
        )
    if not observations:
        raise LandlabError(
            f"dataset {data.attrs['name']} has no {part} observations; `landlab data show` lists what it has"
        )
    return observations


BLOCK_VALUES = 2**22
"""Pixel-steps of observations that are compared at once."""


def observed_of_patches(
    data: xr.Dataset, stream: Stream, period: str, held_out: Mask, warmup: int, calendar: Calendar
) -> Values:
    """Means of patches over what was observed of each, [T or years or 1, patches], block by block."""
    patch = data["patch"].values
    order = np.argsort(patch, kind="stable")
    of_patch = np.split(order, np.cumsum(np.bincount(patch))[:-1])
    names = [
        n for n in (stream_variable(stream.name, r) for r in ("observation", "weight", period)) if n in data
    ]
    per_block = max(1, BLOCK_VALUES // (calendar.steps * max(map(len, of_patch))))
    means = []
    for start in range(0, len(of_patch), per_block):
        pixels = np.sort(np.concatenate(of_patch[start : start + per_block]))
        block = data[list(dict.fromkeys(names))].isel(pixel=_slice(pixels)).load()
        own = patch[pixels] - start
        x = observed(block, stream.name, period, held_out)
        _, seen = comparable(stream, x, x, own, warmup, calendar, weight_of(block, stream.name, period))
        means.append(from_steps(stream, means_of_patches(stream, seen, own, calendar), calendar))
    return np.concatenate(means, axis=1)


def _slice(pixels: npt.NDArray[np.integer]) -> slice | npt.NDArray[np.integer]:
    """Ascending pixels as a slice where none is left out, which is read faster."""
    first, last = int(pixels[0]), int(pixels[-1]) + 1
    return slice(first, last) if last - first == len(pixels) else pixels


def steps(data: xr.Dataset, spec: RunSpec, part: str, average: str) -> int:
    """Count a part's months, years or means of the record after the warm-up.

    `average` says which of these are counted.
    """
    held_out, calendar = split.withheld_months(data, spec.split), Calendar.of(data)
    counted = np.ones(data.sizes["time"], bool)
    if held_out is not None:  # where pixels differ, the longest record counts
        counted = np.any(held_out if part == WITHHELD else ~held_out, axis=1)
    counted = counted & (np.arange(len(counted)) >= calendar.steps_in_months(spec.warmup_months))
    if average == "run":
        return int(counted.any())
    return int(
        (calendar.split(counted, "year", fill=True).all(axis=1) if average == "year" else counted).sum()
    )


class Mean:
    """The mean of the predictions of one variable, at each place over the members that are scored there."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.count = np.zeros(target.observed.shape[1], int)
        """Members at each place, [P]."""
        self._total = np.zeros(target.observed.shape)

    def add(self, prediction: Values, scored: Mask) -> None:
        """Add a member's prediction, [T', P], where it is scored, [P]."""
        self._total[:, scored] += prediction[:, scored]
        self.count += scored

    def of(self, places: Mask | npt.NDArray[np.intp]) -> Values:
        """Return the mean at some places, [T', places].

        Each place has a member at least.
        """
        return self._total[:, places] / self.count[places]


def predictions(
    ds: xr.Dataset, part: str, variables: Sequence[str] = (), at_towers: bool = False
) -> Iterator[tuple[xr.Dataset, list[Target]]]:
    """Yield the `monthly` file of each run in turn, and its targets.

    With `at_towers` those of the pixels with a tower, where only these have series of their own.
    """
    data = ds
    by_spec: dict[tuple[object, ...], list[Target]] = {}
    for spec, file in zip(runs.specs(ds), runs.files(ds, "monthly"), strict=True):
        if at_towers and "pixel" not in file.dims:
            data, file = _of_towers(ds, file)
        by_patch = "pixel" not in file.dims
        kept = tuple(str(n) for n in file.data_vars if str(n).startswith(COMPARED))
        key = (spec.model, spec.warmup_months, spec.split, by_patch, kept)
        if key not in by_spec:
            by_spec[key] = targets(data, spec, by_patch, part, variables, kept)
        # a network gives what it learned; what a process model's file lacks is a fault that `Target.of` tells
        yield file, [t for t in by_spec[key] if spec.tables.parameters or (t.kept or t.output) in file]


def _of_towers(ds: xr.Dataset, file: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the dataset and a monthly file at the pixels with a tower.

    LandlabError where the file has none of them.
    """
    if "tower_pixel" not in file and not _has_towers(ds):
        raise LandlabError(
            f"no pixel of dataset {ds.attrs['name']} has a value of a tower; `landlab data show` lists what it has"
        )
    if "tower_pixel" not in file:
        raise LandlabError(
            f"the monthly file of run {file.attrs['run_id']} holds means of {file.sizes['patch']} patches, and no "
            "series of towers, as older versions left it: run the grid again in a new workspace"
        )
    pixels = file["tower_pixel"].values
    patch = ds["patch"].values[pixels]
    series = {
        str(n).removeprefix("tower_"): x for n, x in file.data_vars.items() if x.dims == ("tower", "time")
    }
    label = ("pixel", file["split"].values[patch])
    at = xr.Dataset(series, attrs=file.attrs).rename(tower="pixel").assign(split=label)
    return ds[[n for n in ds.data_vars if "run" not in ds[n].dims]].isel(pixel=pixels), at


def _has_towers(ds: xr.Dataset) -> bool:
    """Check whether any tower stream has a value, block by block."""
    names = [s.name for s in streams_in(ds) if s.tower]
    per_block = max(1, BLOCK_VALUES // ds.sizes["time"])
    return any(
        np.isfinite(ds[name].isel(pixel=slice(start, start + per_block)).values).any()
        for name in names
        for start in range(0, ds.sizes["pixel"], per_block)
    )


def stacks(ds: xr.Dataset, part: str, variables: Sequence[str] = (), at_towers: bool = False) -> list[Stack]:
    """Return the members of one setup, all beside the same observations.

    `at_towers` is as in `predictions`.

    LandlabError for several setups.
    """
    runs.one_setup(ds)
    modelled: dict[str, list[Values]] = {}
    label: dict[str, list[npt.NDArray[np.str_]]] = {}
    about: dict[str, Target] = {}
    for file, compared in predictions(ds, part, variables, at_towers):
        for target in compared:
            about[target.name] = target
            modelled.setdefault(target.name, []).append(target.of(file).astype(np.float32))
            label.setdefault(target.name, []).append(target.labels(file))
    return [Stack(t, np.stack(modelled[name]), np.stack(label[name])) for name, t in about.items()]


def unseen(ds: xr.Dataset) -> Mask:
    """Pixels that every member holds out for its test, [pixel], by any kind of split."""
    held_out = np.ones(ds.sizes["pixel"], bool)
    splits = {spec.split: spec.seeds.split for spec in runs.specs(ds)}
    for kind, seed in splits.items():  # no seed moves what is held out
        held_out &= split.assign(ds, kind, seed) == split.TEST
    return held_out


def names_in(text: str) -> list[str]:
    """Return what an option lists, with commas between, each once.

    Empty text lists nothing.
    """
    return list(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))


def resolution_note(compared: Sequence[Target]) -> list[str]:
    """Lines on what is compared by patch though it is observed by pixel, since the members' files are of patches."""
    coarse = [
        t for t in compared if t.level == "patch" and registry.streams()[t.stream.name].level == "pixel"
    ]
    hows = {True: "over what was observed of each", False: "in months when every pixel of it was observed"}
    return [
        f"the runs' monthly files hold means of patches: {', '.join(names)} are compared by patch, {how}"
        for kept, how in hows.items()
        if (names := [t.name for t in coarse if bool(t.kept) == kept])
    ]
