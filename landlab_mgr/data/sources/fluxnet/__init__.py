"""Importer of tower files as FLUXNET2015, ICOS and AmeriFlux publish them (ONEFlux, Pastorello et al. 2020)."""

from landlab_mgr.data.sources.fluxnet.towers import Options as Options
from landlab_mgr.data.sources.fluxnet.towers import read as read
