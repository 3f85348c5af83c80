"""Allocation of gross primary productivity (Bloom & Williams 2015, doi:10.5194/bg-12-1299-2015, appendix)."""

from typing import NamedTuple

from jax import Array


class Allocation(NamedTuple):
    """Parts of GPP, gC m-2 d-1; the five sum to GPP."""

    respiration_auto: Array
    leaf: Array
    labile: Array
    root: Array
    wood: Array


def allocate(gpp: Array, f_auto: Array, f_foliar: Array, f_labile: Array, f_root: Array) -> Allocation:
    """Autotrophic respiration first, then leaves, labile carbon and roots, each of what is left; wood the rest."""
    respiration = f_auto * gpp
    npp = gpp - respiration
    leaf = npp * f_foliar
    labile = (npp - leaf) * f_labile
    root = (npp - leaf - labile) * f_root
    return Allocation(respiration, leaf, labile, root, npp - leaf - labile - root)
