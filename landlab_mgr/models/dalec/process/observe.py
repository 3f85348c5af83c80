"""Observation operators: what an instrument would see of the model.

SIF: Parazoo et al. (2014, doi:10.1111/gcb.12652); VOD: Liu et al. (2015, doi:10.1038/nclimate2581).
"""

from jax import Array

SIF_INTERCEPT_SHIFT = 3.0


def solar_induced_fluorescence(gpp: Array, sif_alpha: Array, sif_beta_plus_three: Array) -> Array:
    """SIF = (GPP - beta) / alpha with beta = sif_beta_plus_three - 3; GPP in gC m-2 d-1."""
    return (gpp - (sif_beta_plus_three - SIF_INTERCEPT_SHIFT)) / sif_alpha


def vegetation_optical_depth(foliar: Array, wood: Array, p_foliar: Array, p_wood: Array) -> Array:
    """VOD = p_foliar C_fol + p_wood C_wood; stocks in gC m-2."""
    return p_foliar * foliar + p_wood * wood
