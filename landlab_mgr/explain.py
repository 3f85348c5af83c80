"""What the parameters of a place owe to its predictors: SHAP values and integrated gradients of trained networks.

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

from landlab_mgr import network
from landlab_mgr.errors import LandlabError
from landlab_mgr.parameters import BY_NAME, DERIVED
from landlab_mgr.predict import Trained
from landlab_mgr.spec import NetworkSpec

LATITUDE = "latitude"
"""A feature of its own where a parameter of the phenology is explained: its head takes the latitude."""
COALITION_ROWS = 2**15
"""Coalitions x background pixels that are predicted at once."""
STEPS = 24
"""Points of the Gauss-Legendre rule along the path of integrated gradients."""

_DERIVED = {d.name: d.compute for d in DERIVED}


@dataclass(frozen=True)
class Function:
    """What is explained: outputs [R, K] of rows of columns [R, C]."""

    apply: Callable[[Any, Array], Array]
    """Of weights and rows; equal ones are compiled once."""
    weights: Any
    features: tuple[str, ...]
    groups: tuple[np.ndarray, ...]
    """Columns of each feature; every column is of one."""

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Outputs, computed in float64: SHAP values add up to differences of them, which float32 rounds."""
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
    """shap's kernel explainer, which asks JAX for all coalitions of a row at once instead of writing them out."""

    def __init__(self, function: Function, background: np.ndarray) -> None:
        self._function = function
        self._background = jnp.asarray(background, jnp.float32)
        data = DenseData(background, list(function.features), [np.asarray(g) for g in function.groups])
        super().__init__(function, data)

    def allocate(self) -> None:
        self.maskMatrix = np.zeros((self.nsamples, self.M))
        self.kernelWeights = np.zeros(self.nsamples)
        self.nsamplesAdded = 0

    def addsample(self, x: Any, m: Any, w: float) -> None:
        self._row = x[0]
        self.maskMatrix[self.nsamplesAdded] = m
        self.kernelWeights[self.nsamplesAdded] = w
        self.nsamplesAdded += 1

    def run(self) -> None:
        present = np.zeros((self.nsamples, len(self._row)), bool)
        for k, feature in enumerate(self.varyingInds):
            present[:, self._function.groups[feature]] = self.maskMatrix[:, k, None] == 1
        row, f = jnp.asarray(self._row, jnp.float32), self._function
        found = _expectations(f.apply, f.weights, row, self._background, jnp.asarray(present))
        self.ey = np.asarray(found, np.float64)


def kernel_shap(
    function: Function, background: np.ndarray, rows: np.ndarray, seed: int, silent: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel SHAP values [R, K, F] and the expected outputs [K], which add up to the outputs; float64.

    The library enumerates all coalitions of up to 11 features and samples 2 F + 2048 of more.

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
        # thousands of small systems: threads of BLAS would wait for each other and for XLA's
        with threadpool_limits(1, "blas"):
            values = explainer.shap_values(rows, l1_reg=False, silent=silent)
    finally:
        np.random.set_state(state)
    return np.moveaxis(np.asarray(values), 1, 2), np.asarray(explainer.expected_value)


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
    phenology = any(p in BY_NAME and BY_NAME[p].head == "phenology" for p in parameters)
    if phenology:
        name = "lat" if "lat" in by_feature else LATITUDE
        by_feature[name] = np.append(by_feature.get(name, np.array([], int)), columns.shape[1])
        columns = np.concatenate([columns, ds["lat"].values[:, None]], axis=1)
    weights = jax.tree.map(lambda *x: jnp.stack(x), *(m.weights["spatialization"] for m in members))
    apply = _MeanParameters(first.spec.network, seen, first.width, phenology, tuple(parameters))
    function = Function(apply, weights, tuple(by_feature), tuple(by_feature.values()))
    return function, columns.astype(np.float32)


def _name(part: Any) -> str:
    return "noise" if part.kind == "noise" else str(part.name)


@dataclass(frozen=True)
class _MeanParameters:
    """[R, K] parameters of rows, the columns of each member side by side: the mean over members, weights stacked.

    The last column is the latitude where the phenology is asked for; without it no output depends on it.
    """

    spec: NetworkSpec
    seen: int
    width: int
    phenology: bool
    names: tuple[str, ...]

    def __call__(self, weights: Any, rows: Array) -> Array:
        latitude = rows[:, -1] if self.phenology else jnp.zeros(len(rows), rows.dtype)
        columns = rows[:, :-1] if self.phenology else rows
        by_member = jnp.moveaxis(columns.reshape(len(rows), -1, self.seen), 1, 0)
        padded = jnp.pad(by_member, ((0, 0), (0, 0), (0, self.width - self.seen)))

        def one(of_member: Any, encoded: Array) -> Array:
            p = network.parameters(self.spec, of_member, encoded, latitude)
            return jnp.stack([p[n] if n in p else _DERIVED[n](p) for n in self.names], axis=1)

        return jax.vmap(one)(weights, padded).mean(axis=0)
