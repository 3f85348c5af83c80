"""EXP-HYDRO: a snow store and a water store of a basin, daily."""
