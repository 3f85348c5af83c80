"""The skill that each set of predictor groups allows: V*(S), computed from the truth rather than declared.

A perfect learner that sees the groups S alone knows E[parameters | S]: what S adds to each unbounded parameter,
exactly, and of what the other groups add the expectation. That is regressed on the predictors of S, each pixel from
patches other than its own; the basis: the predictors, their squares, and random rectified combinations of them (Rahimi
& Recht 2008); ridge, its strength chosen for each parameter by the error at other patches. The true model is driven by
the result, from pools in balance with it, and scored against the same observations, errors and gaps as every member.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from landlab_mgr.data import truth
from landlab_mgr.data.twin.geography import Field, generator, standardise
from landlab_mgr.data.twin.mapping import GROUPS, physical
from landlab_mgr.data.twin.observation import MODELLED, OUTPUTS
from landlab_mgr.data.twin.simulation import record, side_by_side, spin_up
from landlab_mgr.data.twin.surface import AGES
from landlab_mgr.data.twin.weather import normal_year
from landlab_mgr.models import registry
from landlab_mgr.observations import metrics
from landlab_mgr.observations.comparable import comparable, score_name

if TYPE_CHECKING:
    from landlab_mgr.data.twin.planet import Planet

SUBSETS = tuple(s for size in range(len(GROUPS) + 1) for s in combinations(GROUPS, size))
PATCHES = 128
"""Patches that are scored; a larger planet gets a random choice of its own."""
FIT_PIXELS = 4000
"""Pixels, of all patches, that the regression learns from."""
FOLDS = 5
RECTIFIED = 96
"""Random rectified combinations of the predictors in the basis."""
RIDGES = (1e-7, 1e-5, 1e-3, 1e-2, 1e-1, 1.0)
"""Strengths of the ridge, relative to features of unit spread."""
STATISTICS = ("R2", "r2")
LONGEST_WARMUP = 24
"""Months of the record that are not scored, at most."""


def skill(planet: "Planet") -> str:
    """V*(S) of a planet for every set of predictor groups, as the attribute that `truth.skill` reads."""
    patches = np.sort(generator(planet.seed, "attainable").permutation(len(planet.places.cell))[:PATCHES])
    pixels = np.flatnonzero(np.isin(planet.places.patch, patches))
    driven_by = {subset: expected(planet, subset, pixels) for subset in SUBSETS}
    warmup = min(LONGEST_WARMUP, planet.months // 3)
    streams = {name: registry.streams()[name] for name in planet.streams}

    def compared(some: Sequence[int]) -> dict[tuple[tuple[str, ...], str], metrics.Moments]:
        block = planet.block(some)
        here = np.searchsorted(pixels, block.pixels)
        moments = {}
        for subset, params in driven_by.items():
            theta = {name: x[here] for name, x in params.items()}
            monthly = record(theta, block.forcing, planet.places.lat[block.pixels], OUTPUTS)
            for stream, observed in block.observed.items():
                modelled = monthly[MODELLED[stream]]
                pair = comparable(streams[stream], modelled, observed, block.patch, warmup, planet.calendar)
                moments[subset, stream] = metrics.moments(*pair)
        return moments

    blocks = list(side_by_side(compared, planet.blocks(patches.tolist())))
    values: dict[str, dict[str, dict[str, float]]] = {}
    for subset, stream in blocks[0]:
        flat = metrics.statistics_of(metrics.pooled(metrics.joined([b[subset, stream] for b in blocks])))
        of_subset = values.setdefault("+".join(subset) or truth.EMPTY, {})
        of_subset[score_name(streams[stream], streams.values())] = {
            name: float(flat[name][0]) for name in STATISTICS
        }
    return truth.encoded(values, warmup_months=warmup, patches=len(patches), pixels=len(pixels), level="flat")


def expected(planet: "Planet", groups: tuple[str, ...], pixels: np.ndarray) -> dict[str, Field]:
    """Estimate the parameters that these groups let expect at some pixels.

    Each is estimated from other patches; with them come their pools.

    Expected are the unbounded parameters (without groups: their mean over the planet) and the logarithm of forest age;
    pools follow from them as the true ones do from the truth. A regression of the pools themselves would be in balance
    with no parameters, and its transients would drown the carbon balance.
    """
    lat, patch, truth_ = planet.places.lat, planet.places.patch, planet.truth
    age = np.log(planet.predictors["AGE"]["tree_age"])[:, None]
    targets = np.concatenate([*(x[:, None] for x in truth_.unbounded.values()), age], axis=1)
    given = np.zeros_like(targets)
    for group in groups:
        given[:, :-1] += truth_.parts[group]
    if "AGE" in groups:
        given[:, -1:] = age
    y = targets - given
    if len(groups) == len(GROUPS):
        expectation = targets[pixels]
    elif groups:
        learn = generator(planet.seed, "fit").permutation(len(lat))[:FIT_PIXELS]
        fold = generator(planet.seed, "folds").permutation(len(planet.places.cell))[patch] % FOLDS
        x = _features(planet, groups)
        expectation = _out_of_fold(x(learn), y[learn], fold[learn], x(pixels), fold[pixels]) + given[pixels]
    else:
        expectation = np.repeat(y.mean(axis=0, keepdims=True), len(pixels), axis=0)
    params = physical({name: expectation[:, k] for k, name in enumerate(truth_.unbounded)}, lat[pixels])
    ages = np.clip(np.exp(expectation[:, -1]), *AGES)
    return params | spin_up(params, normal_year(planet.normal.of(pixels)), lat[pixels], ages)


def _features(planet: "Planet", groups: tuple[str, ...]) -> Callable[[np.ndarray], Field]:
    """Return a function that gives what these groups tell of some pixels.

    It maps indices to [pixels, features].
    """
    told = np.stack([standardise(x) for g in groups for x in planet.predictors[g].values()], axis=1)
    rng = generator(planet.seed, "features", *(GROUPS.index(g) for g in groups))
    directions = rng.normal(size=(told.shape[1], RECTIFIED)) / np.sqrt(told.shape[1])
    kinks = rng.normal(size=RECTIFIED)

    def of(pixels: np.ndarray) -> Field:
        here = told[pixels]
        return np.concatenate([here, here**2, np.maximum(here @ directions + kinks, 0)], axis=1)

    return of


def _out_of_fold(x: Field, y: Field, fold: np.ndarray, asked: Field, fold_asked: np.ndarray) -> Field:
    """Ridge predictions [asked, targets], each learned from x and y of the other folds."""
    error = np.zeros((len(RIDGES), y.shape[1]))
    answers = np.zeros((len(RIDGES), len(asked), y.shape[1]))
    for k in range(FOLDS):
        others, ask, judge = fold != k, fold_asked == k, fold == k
        if not others.any() or not ask.any():
            continue
        mean, sd, centre = x[others].mean(axis=0), x[others].std(axis=0), y[others].mean(axis=0)
        sd = np.where(sd > 1e-9, sd, 1.0)
        design, size = (x[others] - mean) / sd, others.sum()
        values, vectors = np.linalg.eigh(design.T @ design / size)
        projected = vectors.T @ (design.T @ (y[others] - centre) / size)
        for r, ridge in enumerate(RIDGES):
            weights = vectors @ (projected / (np.maximum(values, 0) + ridge)[:, None])
            answers[r, ask] = (asked[ask] - mean) / sd @ weights + centre
            missed = (x[judge] - mean) / sd @ weights + centre - y[judge]
            error[r] += (missed**2).sum(axis=0)
    best = error.argmin(axis=0)
    return np.stack([answers[r, :, target] for target, r in enumerate(best)], axis=1)
