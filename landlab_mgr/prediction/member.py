"""A trained member, read from its checkpoint: whatever its model, it predicts any dataset that has its inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from landlab_mgr.data import batch
from landlab_mgr.data.predictors import Encoder
from landlab_mgr.errors import LandlabError
from landlab_mgr.models import network, registry
from landlab_mgr.models.model import Model, Scale, Setup
from landlab_mgr.models.options import NetworkOptions
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.location import Location
from landlab_mgr.training import checkpoint


@dataclass(frozen=True)
class Trained:
    """A trained member: what its checkpoint holds."""

    spec: RunSpec
    params: Any
    """Trained parameters, by part."""
    encoder: Encoder
    scale: Scale | None
    """Of the forcing at its training pixels, where its model reads it standardised."""
    targets: Scale | None = None
    """Of its training observations, where its model gives them standardised."""
    learned: tuple[str, ...] = ()
    """Variables that it gives; (): whatever its model can."""
    width: int | None = None
    """Columns that its network takes; those after the encoder's are 0. None: as many as the encoder has."""

    @classmethod
    def open(cls, path: Location) -> "Trained":
        """Read a checkpoint; LandlabError where it is missing, damaged or of another version of its model."""
        content = checkpoint.load(path)
        try:
            spec = RunSpec.model_validate_json(content["spec"])
            if spec.model_version not in (spec.tables.version, *spec.tables.opens):
                raise LandlabError(
                    f"run {spec.run_id} is of version {spec.model_version} of model {spec.model!r}, and version "
                    f"{spec.tables.version} is installed: register its grid again and train it"
                )
            return cls(
                spec=spec,
                params=content["weights"],
                encoder=Encoder.from_dict(content["encoder"]),
                scale=checkpoint.scale_of(content["scale"]),
                targets=checkpoint.scale_of(content.get("targets")),
                learned=tuple(content.get("learned", ())),
                width=content.get("width") or _width_of(content["weights"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LandlabError(
                f"{path} holds no trained member ({type(error).__name__}: {error}); train the run again"
            ) from None

    @property
    def model(self) -> Model:
        """Its model."""
        return registry.model(self.spec.model)

    @property
    def setup(self) -> Setup:
        """Setup of its compiled program."""
        return batch.setup_of(self.spec, self.targets)

    def encode(self, ds: xr.Dataset) -> np.ndarray:
        """Every pixel's predictors as the member learned them, float32 [pixel, width]; LandlabError for one missing."""
        columns = self.encoder.apply(ds)
        return np.pad(columns, ((0, 0), (0, (self.width or columns.shape[1]) - columns.shape[1])))

    def view(self, encoded: np.ndarray) -> batch.View:
        """View of pixels with these encoded predictors, for the compiled program."""
        return batch.View(encoded, self.scale, self.targets)

    def parameters(self, encoded: np.ndarray, latitude: np.ndarray) -> dict[str, np.ndarray]:
        """Physical parameters and initial pools by name, [N] each, from encoded predictors and latitudes (degrees)."""
        values = _parameters(
            self.spec.model, self.spec.network, self.params["spatialization"], encoded, jnp.asarray(latitude)
        )
        return dict(jax.device_get(values))


def _width_of(params: Any) -> int:
    """Columns of a checkpoint that does not say so: of the first release, which had land models alone."""
    return int(params["spatialization"]["embedding_0"]["kernel"].shape[0])


@partial(jax.jit, static_argnums=(0, 1))
def _parameters(
    model: str, options: NetworkOptions, params: Any, encoded: Any, latitude: Any
) -> Mapping[str, jax.Array]:
    tables = registry.tables(model)
    return network.parameters(tables, options, params, encoded, latitude.astype(jnp.float32))
