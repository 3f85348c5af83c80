"""Fire: combustion and mortality of a burned fraction (Exbrayat et al. 2018, doi:10.1029/2018GL079152)."""

import jax.numpy as jnp
from jax import Array


def burn(
    pool: Array, floor: float, burned_area: Array, combustion_completeness: Array, mortality: Array | float
) -> tuple[Array, Array]:
    """Carbon of one pool that a fire turns to gas (combustion) and to dead matter (transfer), gC m-2.

    combustion = C burned cf; transfer = C burned (1 - cf) mortality. The two are scaled together so that no
    more than C - floor leaves (the reference lets it, after which its pools cannot pay for their clamps).

    Args:
        pool: C, gC m-2, after the step's other fluxes.
        floor: lowest allowed stock, gC m-2.
        burned_area: fraction of the pixel burned in the step.
        combustion_completeness: cf.
        mortality: share of the unburnt carbon that dies (1 - resilience); 0 where nothing is transferred.
    """
    combustion = pool * burned_area * combustion_completeness
    transfer = pool * burned_area * (1 - combustion_completeness) * mortality
    loss = combustion + transfer
    available = jnp.maximum(pool - floor, 0.0)
    kept = jnp.where(loss > available, available / jnp.where(loss > 0, loss, 1.0), 1.0)
    return combustion * kept, transfer * kept
