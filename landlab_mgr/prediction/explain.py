"""SHAP values and integrated gradients of trained networks.

They say what the parameters of a place owe to its predictors.

A feature is a predictor with all columns that the network sees of it (classes, a flag where it may be missing). Absent
features take the values of background pixels (interventional Shapley values: Lundberg & Lee 2017, arXiv:1705.07874).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import shap
import xarray as xr
from jax import Array
from shap.utils._legacy import DenseData
from threadpoolctl import threadpool_limits
from tqdm import tqdm  # type: ignore[import-untyped]

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import network
from landlab_mgr.models.options import NetworkOptions
from landlab_mgr.models.tables import Tables
from landlab_mgr.prediction.member import Trained

LATITUDE = "latitude"
"""A feature of its own where a parameter is explained whose head reads the latitude."""
COALITION_ROWS = 2**15
"""Coalitions x background pixels that are predicted at once."""
SAME_COALITIONS = 16
"""Rows that share sampled coalitions."""
STEPS = 24
"""Points of the Gauss-Legendre rule along the path of integrated gradients."""


@dataclass(frozen=True)
class Function:
    """Function to explain: outputs [R, K] of rows of columns [R, C]."""

    apply: Callable[[Any, Array], Array]
    """Of weights and rows; equal ones are compiled once."""
    weights: Any
    features: tuple[str, ...]
    groups: tuple[np.ndarray, ...]
    """Columns of each feature; every column is of one."""

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Compute outputs in float64: SHAP values add up to differences of them, which float32 rounds."""
        with jax.enable_x64(True):
            return np.asarray(_outputs(self.apply, self.weights, jnp.asarray(rows, jnp.float64)))


_outputs = jax.jit(lambda apply, weights, rows: apply(weights, rows), static_argnums=0)


@partial(jax.jit, static_argnums=0)
def _expectations(
    apply: Callable[[Any, Array], Array], weights: Any, row: Array, background: Array, present: Array
) -> Array:
    """Means over the background [N, C] by coalition, [S, K]; present [S, C] says which columns are the row's [C]."""

    def one(mask: Array) -> Array:
        return apply(weights, jnp.where(mask[None], row[None], background)).mean(axis=0)

    size = max(1, COALITION_ROWS // background.shape[0])
    return jax.lax.map(one, present, batch_size=size)


@partial(jax.jit, static_argnums=0)
def _gradients(apply: Callable[[Any, Array], Array], weights: Any, row: Array, background: Array) -> Array:
    """Integrated gradients [K, C] of a row [C], mean over the background [N, C] as baselines."""
    points, shares = np.polynomial.legendre.leggauss(STEPS)
    at, share = jnp.asarray((points + 1) / 2, row.dtype), jnp.asarray(shares / 2, row.dtype)
    step = row[None] - background
    path = background[None] + at[:, None, None] * step[None]  # [STEPS, N, C]
    out, back = jax.vjp(partial(apply, weights), path.reshape(-1, path.shape[-1]))

    def of_output(k: Array) -> Array:
        (slope,) = back(jnp.zeros_like(out).at[:, k].set(1.0))
        return (share[:, None, None] * slope.reshape(path.shape) * step[None]).sum(axis=0).mean(axis=0)

    return jax.lax.map(of_output, jnp.arange(out.shape[1]))


class _Kernel(shap.KernelExplainer):
    """The coalitions that shap's kernel explainer draws; their values are computed by JAX, many rows at a time."""

    def __init__(self, function: Function, background: np.ndarray) -> None:
        data = DenseData(background, list(function.features), [np.asarray(g) for g in function.groups])
        super().__init__(function, data)
        self.function = function

    def coalitions(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coalitions [S, M] of a row and the weight of each.

        A coalition says with 0 and 1 which features that vary at this row are present.
        """
        self.explain(row[None], l1_reg=False)
        return self.maskMatrix, self.kernelWeights

    def allocate(self) -> None:
        self.maskMatrix = np.zeros((self.nsamples, self.M))
        self.kernelWeights = np.zeros(self.nsamples)
        self.nsamplesAdded = 0

    def addsample(self, x: Any, m: Any, w: float) -> None:
        self.maskMatrix[self.nsamplesAdded] = m
        self.kernelWeights[self.nsamplesAdded] = w
        self.nsamplesAdded += 1

    def run(self) -> None:
        """Nothing: `kernel_shap` does."""

    def solve(self, fraction_evaluated: float, dim: int) -> tuple[Any, Any]:
        return 0.0, 0.0


def kernel_shap(
    function: Function, background: np.ndarray, rows: np.ndarray, seed: int, silent: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel SHAP values [R, K, F] and the expected outputs [K], which add up to the outputs; float64.

    The library enumerates all coalitions of up to 11 features and samples 2 F + 2048 of more; SAME_COALITIONS rows
    share a sample, since to draw it takes as long as to predict it.

    Args:
        function: with outputs K and features F.
        background: [N, C] rows whose values absent features take.
        rows: [R, C] what is explained.
        seed: of the sampled coalitions.
        silent: False shows progress.
    """
    state = np.random.get_state()  # the library draws from the global generator
    try:
        np.random.seed(seed)
        explainer = _Kernel(function, background)
        values = np.zeros((len(rows), explainer.D, len(function.features)))
        by_varying: dict[tuple[int, ...], list[int]] = {}
        for r, row in enumerate(rows):
            by_varying.setdefault(tuple(explainer.varying_groups(row[None]).tolist()), []).append(r)
        with tqdm(total=len(rows), disable=silent) as progress:
            for varying, alike in by_varying.items():
                for start in range(0, len(alike), SAME_COALITIONS):
                    some = alike[start : start + SAME_COALITIONS]
                    found = np.zeros((len(some), *values.shape[1:]))
                    found[:, :, list(varying)] = _values(explainer, varying, background, rows[some])
                    values[some] = found
                    progress.update(len(some))
    finally:
        np.random.set_state(state)
    return values, np.asarray(explainer.expected_value)


def _values(
    explainer: _Kernel, varying: Sequence[int], background: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Shapley values [B, K, M] of the features that vary at these rows [B, C], from the same coalitions."""
    f, expected = explainer.function, np.asarray(explainer.expected_value)
    gain = f(rows) - expected
    if len(varying) < 2:  # one takes all there is, which is nothing where none varies
        return gain[:, :, None][:, :, : len(varying)]
    present, weight = explainer.coalitions(rows[0])
    columns = np.zeros((len(present), rows.shape[1]), bool)
    for k, feature in enumerate(varying):
        columns[:, f.groups[feature]] = present[:, k, None] == 1
    masks, absent = jnp.asarray(columns), jnp.asarray(background, jnp.float32)
    found = [_expectations(f.apply, f.weights, row, absent, masks) for row in jnp.asarray(rows, jnp.float32)]
    return _shares(present, weight, np.asarray(found, np.float64) - expected, gain)


def _shares(present: np.ndarray, weight: np.ndarray, above: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Shapley values [B, K, M] by weighted least squares under the constraint that they add up to `gain` [B, K].

    Lundberg & Lee 2017, theorem 2, the last feature eliminated by the constraint. Of coalitions present [S, M] with
    their weight [S] and outputs above the expected ones, [B, S, K].
    """
    others = present[:, :-1] - present[:, -1:]
    left = above - present[None, :, -1:] * gain[:, None]  # [B, S, K]
    weighted = others * weight[:, None]
    right = np.tensordot(weighted, left, (0, 1)).reshape(others.shape[1], -1)
    with threadpool_limits(
        1, "blas"
    ):  # a small system: threads of BLAS would wait for each other and for XLA's
        solved = np.linalg.solve(others.T @ weighted, right)
    first = np.moveaxis(solved.reshape(-1, *gain.shape), 0, -1)
    return np.concatenate([first, (gain - first.sum(axis=-1))[..., None]], axis=-1)


def integrated_gradients(
    function: Function, background: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Integrated gradients [R, K, F], averaged over the background as baselines, and the expected outputs [K].

    Sundararajan et al. 2017, arXiv:1703.01365; over a background they are expected gradients. They add up to the
    outputs up to the error of the quadrature.
    """
    base = jnp.asarray(background, jnp.float32)
    found = []
    for row in rows:
        slopes = _gradients(function.apply, function.weights, jnp.asarray(row, jnp.float32), base)
        by_column = np.asarray(slopes, np.float64)
        found.append(np.stack([by_column[:, g].sum(axis=1) for g in function.groups], axis=1))
    return np.stack(found), function(background).mean(axis=0)


def of_members(
    members: Sequence[Trained], ds: xr.Dataset, parameters: Sequence[str]
) -> tuple[Function, np.ndarray]:
    """Parameters as a function of predictors: of one member, or the mean of several in physical space.

    Returns the function and its columns [pixel, C] at every pixel of the dataset.

    Raises:
        LandlabError: where the members differ in what they see, or see no predictor.
    """
    first = members[0]
    if any(
        m.encoder.columns != first.encoder.columns or m.spec.network != first.spec.network for m in members
    ):
        raise LandlabError("the members differ in predictors or network; take those of one setup")
    tables = first.spec.tables
    if not tables.parameters:
        raise LandlabError(
            f"model {first.spec.model!r} has no parameters to explain; take runs of a model of processes"
        )
    parts = first.encoder.parts
    if all(part.kind == "noise" for part in parts):
        raise LandlabError(
            f"setup {first.spec.label} sees no predictor but white noise: there is nothing to explain; "
            "take runs of another setup"
        )
    seen = first.encoder.n_columns
    columns = np.concatenate([m.encode(ds)[:, :seen] for m in members], axis=1)
    of_column = np.repeat([_name(part) for part in parts], [len(part.columns) for part in parts])
    by_feature = {
        _name(part): np.flatnonzero(np.tile(of_column, len(members)) == _name(part)) for part in parts
    }
    reads_latitude = any(
        p in tables.by_name and tables.by_name[p].head in tables.latitude_heads for p in parameters
    )
    if reads_latitude:
        name = "lat" if "lat" in by_feature else LATITUDE
        by_feature[name] = np.append(by_feature.get(name, np.array([], int)), columns.shape[1])
        columns = np.concatenate([columns, ds["lat"].values[:, None]], axis=1)
    weights = jax.tree.map(lambda *x: jnp.stack(x), *(m.params["spatialization"] for m in members))
    assert first.width is not None
    apply = _MeanParameters(tables, first.spec.network, seen, first.width, reads_latitude, tuple(parameters))
    function = Function(apply, weights, tuple(by_feature), tuple(by_feature.values()))
    return function, columns.astype(np.float32)


def _name(part: Any) -> str:
    return "noise" if part.kind == "noise" else str(part.name)


@dataclass(frozen=True)
class _MeanParameters:
    """[R, K] parameters of rows, the columns of each member side by side: the mean over members, weights stacked.

    The last column is the latitude where an output depends on it.
    """

    tables: Tables
    network: NetworkOptions
    seen: int
    width: int
    reads_latitude: bool
    names: tuple[str, ...]

    def __call__(self, weights: Any, rows: Array) -> Array:
        latitude = rows[:, -1] if self.reads_latitude else jnp.zeros(len(rows), rows.dtype)
        columns = rows[:, :-1] if self.reads_latitude else rows
        by_member = jnp.moveaxis(columns.reshape(len(rows), -1, self.seen), 1, 0)
        padded = jnp.pad(by_member, ((0, 0), (0, 0), (0, self.width - self.seen)))

        def one(of_member: Any, encoded: Array) -> Array:
            p = network.parameters(self.tables, self.network, of_member, encoded, latitude)
            derived = {d.name: d.compute for d in self.tables.derived}
            return jnp.stack([p[n] if n in p else derived[n](p) for n in self.names], axis=1)

        return jax.vmap(one)(weights, padded).mean(axis=0)
