"""Tables of HBV. JAX-free."""

from landlab_mgr.models.hydrology import SNOW, potential_evaporation
from landlab_mgr.models.options import LandNetwork
from landlab_mgr.models.tables import Kind, Parameter, Tables, compared
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import VARIABLES, Variable

_HERE = "landlab_mgr.models.hbv"

RUNOFF_GENERATION = Kind(
    name="runoff_generation",
    default="power",
    meaning="share of rain and melt that the soil passes on",
    implementations={"power": f"{_HERE}.runoff:POWER", "nn_share": f"{_HERE}.runoff:NN_SHARE"},
    plugins="landlab_mgr.runoff_generation",
)


def _stock(name: str, meaning: str, high: float) -> Variable:
    return Variable(name, "mm", meaning, 0, high, never_negative=True, stock=True)


STORES = (
    SNOW,
    _stock("snow_water", "liquid water in the snow", 1000),
    _stock("soil_moisture", "water in the soil", 1000),
    _stock("upper_zone", "water of the upper zone", 1000),
    _stock("lower_zone", "water of the lower zone", 5000),
)

TABLES = Tables(
    name="hbv",
    label="HBV",
    summary="the rainfall-runoff model HBV, daily: snow, soil, two zones and routing",
    implementation="landlab_mgr.models.hbv.model:MODEL",
    parameters=(
        Parameter("beta", 1.0, 6.0, "1", "exponent of recharge", 2.0, scale="linear"),
        Parameter("fc", 50.0, 1000.0, "mm", "water that the soil holds", 250.0),
        Parameter("k0", 0.05, 0.9, "d-1", "recession of the upper zone above uzl", 0.3),
        Parameter("k1", 0.01, 0.5, "d-1", "recession of the upper zone", 0.1),
        Parameter("k2", 0.001, 0.2, "d-1", "recession of the lower zone", 0.03),
        Parameter(
            "lp", 0.2, 1.0, "1", "share of fc above which evaporation is potential", 0.7, scale="linear"
        ),
        Parameter("perc", 0.0, 10.0, "mm d-1", "percolation to the lower zone, at most", 1.5, scale="linear"),
        Parameter(
            "uzl", 0.0, 100.0, "mm", "water of the upper zone above which k0 drains it", 25.0, scale="linear"
        ),
        Parameter(
            "tt", -2.5, 2.5, "degC", "temperature below which snow falls and melt stops", 0.0, scale="linear"
        ),
        Parameter("cfmax", 0.5, 10.0, "mm degC-1 d-1", "melt for a degree above tt", 3.0),
        Parameter("cfr", 0.0, 0.1, "1", "refreezing as a share of cfmax", 0.05, scale="linear"),
        Parameter(
            "cwh", 0.0, 0.2, "1", "liquid water that snow holds, as a share of it", 0.1, scale="linear"
        ),
        Parameter("betaet", 0.3, 5.0, "1", "exponent of the shortage of evaporation", 1.0),
        Parameter("route_a", 0.1, 3.0, "1", "shape of the unit hydrograph", 1.5, scale="linear"),
        Parameter("route_b", 0.5, 7.0, "d", "time scale of the unit hydrograph", 1.5, scale="linear"),
    ),
    forcing=("precip", "tmin", "tmax"),
    optional_forcing=("ssrd",),
    terms={"discharge": compared(STREAMS["discharge"], 1.0)},
    outputs=(VARIABLES["discharge"], VARIABLES["et"], *STORES),
    pools=tuple(v.name for v in STORES),
    always=("discharge", "et", "snow"),
    processes={k.name: k for k in (potential_evaporation("hargreaves"), RUNOFF_GENERATION)},
    network=LandNetwork,
    steps=("day",),
    windows=True,
    title="HBV with parameters from a neural network",
    subject="daily discharge and water",
    comment="Stores need about a year to settle.",
    references="Bergstrom 1992; Seibert & Vis 2012, doi:10.5194/hess-16-3315-2012; Feng et al. 2022, "
    "doi:10.1029/2022WR032404",
)
