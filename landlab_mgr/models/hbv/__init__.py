"""HBV: rain, snow and evaporation of a basin to its discharge, daily."""
