"""Trained members, applied to any dataset: unseen places, later years, another climate.

Each member brings its own standardiser, imputation and scale of the weather. Initial pools are those that its network
gives a place: of its predictors alone, so that a changed climate starts from the same pools.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from landlab_mgr import __version__
from landlab_mgr.data import batch, schema
from landlab_mgr.data.predictors import Encoder
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import network
from landlab_mgr.models.dalec.climate import Forcing
from landlab_mgr.models.dalec.parameters import FORCING
from landlab_mgr.models.dalec.process import Scale, Weather
from landlab_mgr.prediction import cf
from landlab_mgr.prediction.scenario import Scenario
from landlab_mgr.spec.run import NetworkSpec, RunSpec
from landlab_mgr.storage import provenance
from landlab_mgr.storage.location import Location
from landlab_mgr.training import train
from landlab_mgr.training.evaluate import ALWAYS_MONTHLY, CHUNK_PIXELS, chunks, simulate


@dataclass(frozen=True)
class Trained:
    """A trained member: what its checkpoint holds."""

    spec: RunSpec
    weights: Any
    """`spatialization` and `process`."""
    encoder: Encoder
    scale: Scale | None
    """Of the weather at its training pixels, where a process learned from it."""

    @classmethod
    def open(cls, path: Location) -> "Trained":
        """Read a checkpoint; LandlabError where it is missing, damaged or of another kind."""
        content = train.load(path)
        try:
            spec = RunSpec.model_validate_json(content["spec"])
            if spec.model != "dalec":
                raise LandlabError(
                    f"run {spec.run_id} is of model {spec.model!r}, which has no parameters and is not applied to "
                    "other data; take runs of model 'dalec'"
                )
            scale = content["scale"]
            return cls(
                spec=spec,
                weights=content["weights"],
                encoder=Encoder.from_dict(content["encoder"]),
                scale=scale and Scale(**{part: Weather(**values) for part, values in scale.items()}),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LandlabError(
                f"{path} holds no trained member ({type(error).__name__}: {error}); train the run again"
            ) from None

    @property
    def width(self) -> int:
        """Columns that the network takes; those after the encoder's are 0."""
        return int(self.weights["spatialization"]["embedding_0"]["kernel"].shape[0])

    def encode(self, ds: xr.Dataset) -> np.ndarray:
        """Every pixel's predictors as the member learned them, float32 [pixel, width]; LandlabError for one missing."""
        columns = self.encoder.apply(ds)
        return np.pad(columns, ((0, 0), (0, self.width - columns.shape[1])))

    def parameters(self, encoded: np.ndarray, latitude: np.ndarray) -> dict[str, np.ndarray]:
        """Physical parameters and initial pools by name, [N] each, from encoded predictors and latitudes (degrees)."""
        found = _parameters(self.spec.network, self.weights["spatialization"], encoded, jnp.asarray(latitude))
        return dict(jax.device_get(found))


@partial(jax.jit, static_argnums=0)
def _parameters(spec: NetworkSpec, weights: Any, encoded: Any, latitude: Any) -> Mapping[str, jax.Array]:
    return network.parameters(spec, weights, encoded, latitude.astype(jnp.float32))


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the members, where quantiles are asked for."""
BLOCK_BYTES = 2**28
"""Statistics of so many pixels are in memory at once."""
REFERENCES = (
    "Bloom & Williams 2015, doi:10.5194/bg-12-1299-2015; Fang & Gentine 2024, doi:10.1029/2024MS004308"
)
COMPARED = "Months are compared with the mean climate of the unchanged dataset (see landlab_mgr.prediction.scenario)."


def write(
    members: Mapping[str, Trained],
    ds: xr.Dataset,
    path: str | Path,
    variables: Sequence[str] = ALWAYS_MONTHLY,
    scenario: Scenario | None = None,
    quantiles: bool = False,
    each: bool = False,
    layout: cf.Layout = "auto",
    attrs: Mapping[str, Any] | None = None,
    tell: Callable[[int, int], None] = lambda number, total: None,
) -> None:
    """Predict a dataset with an ensemble into a CF file: mean and spread of each variable by place and month.

    The dataset is read and the file is written block by block: neither need fit in memory.

    Args:
        members: trained members of one setup, by run_id.
        ds: the dataset.
        path: .nc or .zarr; nothing is there yet.
        variables: model outputs, of `cf.OUTPUTS`.
        scenario: changes of the dataset.
        quantiles: write the QUANTILES over the members too.
        each: write every member too.
        layout: on a grid, as points, or what the pixels suggest.
        attrs: more global attributes.
        tell: hears the number of each block, and how many there are.

    Raises:
        LandlabError: for one member only, members of several setups, a dataset or scenario that does not fit them, or
            where the file cannot be written.
    """
    names = cf.check_variables(variables)
    scenario = scenario or Scenario()
    if len(members) < 2:
        raise LandlabError("a spread needs two members or more, not 1: run more seeds, or take more runs")
    programs = {(m.spec.network, m.spec.process) for m in members.values()}
    if len(programs) > 1:
        raise LandlabError("the members differ in their network or processes; take those of one setup")
    scenario.check(ds)
    changed = scenario.predictors_of(ds)
    places = cf.places_of(ds, layout)
    trained = [(m, m.encode(changed)) for m in members.values()]
    written, extra = _contents(names, list(members), quantiles, each)
    per_pixel = 4 * ds.sizes["time"] * len(names) * (2 + len(QUANTILES) * quantiles + len(members) * each)
    blocks = list(_joined(places.tiles(), max(1, BLOCK_BYTES // per_pixel)))
    wanted = ds[[*FORCING, *schema.TIME_AXIS, "lat"]]
    chunk = min(ds.sizes["pixel"], CHUNK_PIXELS)  # the same in every block: one compilation
    forcing_of = scenario.climate_of(ds)
    with cf.create(path, ds, places, written, extra, dict(attrs or {})) as file:
        for number, tiles in enumerate(blocks, 1):
            tell(number, len(blocks))
            pixels = np.concatenate(tiles)
            order = np.argsort(pixels, kind="stable")  # of the dataset, which is read fastest so
            part = batch.read(wanted, pixels[order])
            found = _statistics(trained, part, pixels[order], chunk, forcing_of, names, quantiles, each)
            place = np.argsort(order, kind="stable")
            start = 0
            for tile in tiles:
                here = place[start : start + len(tile)]
                for name, x in found.items():
                    file.put(name, tile, x[..., here])
                start += len(tile)


def _statistics(
    trained: Sequence[tuple[Trained, np.ndarray]],
    ds: xr.Dataset,
    pixels: np.ndarray,
    chunk: int,
    forcing_of: Callable[[xr.Dataset], Forcing],
    names: tuple[str, ...],
    quantiles: bool,
    each: bool,
) -> dict[str, np.ndarray]:
    """What the file holds of the pixels of a dataset in memory, float32 [.., time, pixel] by name."""
    parts: list[dict[str, np.ndarray]] = []
    for within, forcing in chunks(ds, chunk, forcing_of):
        fires = bool((forcing.burned_area > 0).any())
        runs = []
        for member, encoded in trained:
            view = batch.View(encoded[pixels[within]], member.scale)
            spec = member.spec
            process = spec.process.water_stress
            runs.append(simulate(member.weights, forcing, view, spec.network, process, names, fires)[1])
        monthly = jax.device_get(runs)
        found: dict[str, np.ndarray] = {}
        for name in names:
            x = np.stack([one[name] for one in monthly])
            found[name] = x.mean(axis=0, dtype=np.float64)
            found[f"{name}_sd"] = x.std(axis=0, ddof=1, dtype=np.float64)
            if quantiles:
                found[f"{name}_quantile"] = np.quantile(x, QUANTILES, axis=0)
            if each:
                found[f"{name}_member"] = x
        parts.append({name: x.astype(np.float32) for name, x in found.items()})
    return {name: np.concatenate([p[name] for p in parts], axis=-1)[..., : len(pixels)] for name in parts[0]}


def _joined(tiles: Iterable[np.ndarray], pixels: int) -> Iterator[list[np.ndarray]]:
    """Tiles in groups of at most so many pixels, one at least."""
    waiting: list[np.ndarray] = []
    for tile in tiles:
        if waiting and sum(map(len, waiting)) + len(tile) > pixels:
            yield waiting
            waiting = []
        waiting.append(tile)
    yield waiting


def _contents(
    names: Sequence[str], run_ids: Sequence[str], quantiles: bool, each: bool
) -> tuple[dict[str, cf.Variable], dict[str, xr.Variable]]:
    """The variables of a file by month, and what else their dims need."""
    n = len(run_ids)
    found, extra = {}, {}
    for name in names:
        attrs = cf.about(name)
        how, meaning = attrs["cell_methods"], attrs["long_name"]
        beside = [f"{name}_sd", *[f"{name}_quantile"] * quantiles, *[f"{name}_member"] * each]
        found[name] = cf.Variable(
            attrs
            | {
                "long_name": f"{meaning}: mean of {n} members",
                "cell_methods": f"{how} realization: mean",
                "ancillary_variables": " ".join(beside[:1]),
            }
        )
        found[f"{name}_sd"] = cf.Variable(
            attrs
            | {
                "long_name": f"{meaning}: standard deviation of {n} members",
                "cell_methods": f"{how} realization: standard_deviation",
            }
        )
        if quantiles:
            long_name = {"long_name": f"{meaning}: quantiles of {n} members"}
            found[f"{name}_quantile"] = cf.Variable(attrs | long_name, ("quantile",))
        if each:
            long_name = {"long_name": f"{meaning}: each member"}
            found[f"{name}_member"] = cf.Variable(attrs | long_name, ("realization",))
    if quantiles:
        said = {"units": "1", "long_name": "share of the members that are lower"}
        extra["quantile"] = xr.Variable("quantile", np.array(QUANTILES), said)
    if each:
        said = {"units": "1", "standard_name": "realization", "long_name": "number of the member"}
        extra["realization"] = xr.Variable("realization", np.arange(1, n + 1, dtype=np.int32), said)
        ids = np.array(run_ids, object)
        extra["run_id"] = xr.Variable("realization", ids, {"long_name": "run_id of the member"})
    return found, extra


def attributes(
    members: Mapping[str, Trained],
    setup: str,
    learned: Mapping[str, str],
    synthetic: bool,
    ds: xr.Dataset,
    scenario: Scenario | None,
) -> dict[str, Any]:
    """Global attributes of a file: what was predicted by whom, as CF names them, and with a prefix what landlab knows.

    Args:
        members: by run_id.
        setup: what their setup is called.
        learned: fingerprints by name of the datasets that they learned from.
        synthetic: whether any of these is.
        ds: what they are applied to.
        scenario: its changes.
    """
    code = provenance.code()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made_up = synthetic or ds.attrs["kind"] == "synthetic"
    asked = scenario.model_dump(mode="json", exclude_defaults=True) if scenario else {}
    name = f", scenario {scenario.name or 'without a name'}" if scenario else ""
    commit = (
        f" (commit {code.commit[:10]}{', uncommitted changes' * bool(code.dirty_hash)})"
        if code.commit
        else ""
    )
    return {
        "title": f"{'Synthetic: ' * made_up}monthly land carbon and water, {ds.attrs['name']}{name}, "
        f"by {len(members)} members of {setup}",
        "source": f"DALEC with parameters from a neural network of {setup}, trained on "
        f"{', '.join(learned)}; landlab_mgr {__version__}{commit}",
        "history": f"{now} landlab ensemble predict",
        "references": f"{REFERENCES}; data: {ds.attrs['citation']}",
        "comment": "Initial pools are those that each member's network gives a place of its predictors; "
        "pools and LAI need some years to settle. " + (COMPARED if scenario else ""),
        "landlab_runs": " ".join(members),
        "landlab_setup": setup,
        "landlab_learned_from": " ".join(f"{n}:{fingerprint}" for n, fingerprint in learned.items()),
        "landlab_dataset": str(ds.attrs["name"]),
        "landlab_dataset_fingerprint": str(ds.attrs["fingerprint"]),
        "landlab_scenario": json.dumps(asked),
        "landlab_synthetic": int(made_up),
    }
