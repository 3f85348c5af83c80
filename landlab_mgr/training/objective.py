"""The loss of a model on a batch: named terms, unweighted; their weights are data in the spec and the catalog."""

from collections.abc import Collection, Mapping

import jax.numpy as jnp
from jax import Array

from landlab_mgr.data.batch import Batch
from landlab_mgr.models.model import Model
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.observations.losses import squared_difference


def terms(
    model: Model,
    names: Collection[str],
    parameters: Mapping[str, Array],
    outputs: Mapping[str, Array],
    batch: Batch,
    calendar: Calendar,
) -> dict[str, Array]:
    """Compute the named, unweighted terms of the loss over a batch, each a scalar.

    Args:
        model: whose terms they are.
        names: terms to compute; those that compare need their stream in the batch.
        parameters: of the process model, [N] each; only penalties read them.
        outputs: of the model, [T, N] each, as `Model.outputs_needed` names them.
        batch: observations, weights and patches.
        calendar: of the dataset.
    """
    values = {}
    for name in names:
        term = model.tables.terms[name]
        if term.stream is None:
            value = model.penalties[name].value(parameters, outputs, batch.inputs.weather, calendar)
            values[name] = jnp.sum(value * (batch.mask if value.ndim == 1 else batch.mask[None]))
            continue
        stream = term.stream.name
        modelled, observed = outputs[term.output], batch.observed[stream]
        if batch.scale is not None:
            modelled, observed = (x * batch.scale[stream][None] for x in (modelled, observed))
        values[name] = squared_difference(
            modelled,
            observed,
            batch.weight[stream],
            batch.patch_mean,
            term.level,
            term.average,
            calendar,
        )
    return values
