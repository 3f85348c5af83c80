"""Names that a package imports to offer a water-stress process; `landlab_mgr.models.process` has the general form."""

from landlab_mgr.models.dalec.process.water import WaterFluxes, WaterState, evapotranspiration
from landlab_mgr.models.dalec.process.weather import Weather
from landlab_mgr.models.process import Process as WaterStress

__all__ = ["WaterFluxes", "WaterState", "WaterStress", "Weather", "evapotranspiration"]
