"""Tables of EXP-HYDRO. JAX-free."""

from landlab_mgr.models.hydrology import SNOW, potential_evaporation
from landlab_mgr.models.options import LandNetwork
from landlab_mgr.models.tables import Parameter, Tables, compared
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import VARIABLES, Variable

STORED_WATER = Variable("stored_water", "mm", "water of the basin", 0, 2000, never_negative=True, stock=True)

TABLES = Tables(
    name="exphydro",
    label="EXP-HYDRO",
    summary="the rainfall-runoff model EXP-HYDRO, daily: one store of snow and one of water",
    implementation="landlab_mgr.models.exphydro.model:MODEL",
    parameters=(
        Parameter("recession", 1e-4, 0.1, "mm-1", "decline of runoff from the store below its top (f)", 0.02),
        Parameter("smax", 100.0, 1500.0, "mm", "water that the store holds (Smax)", 400.0),
        Parameter("qmax", 10.0, 50.0, "mm d-1", "runoff from the full store (Qmax)", 20.0),
        Parameter(
            "degree_day",
            0.01,
            5.0,
            "mm degC-1 d-1",
            "melt for a degree above t_melt (Df)",
            2.5,
            scale="linear",
        ),
        Parameter(
            "t_melt", 0.0, 3.0, "degC", "temperature above which snow melts (Tmax)", 0.5, scale="linear"
        ),
        Parameter(
            "t_snow", -3.0, 0.0, "degC", "temperature below which snow falls (Tmin)", -1.0, scale="linear"
        ),
    ),
    forcing=("precip", "tmin", "tmax"),
    optional_forcing=("ssrd",),
    terms={"discharge": compared(STREAMS["discharge"], 1.0)},
    outputs=(VARIABLES["discharge"], VARIABLES["et"], SNOW, STORED_WATER),
    pools=(SNOW.name, STORED_WATER.name),
    always=("discharge", "et", SNOW.name),
    processes={"potential_evaporation": potential_evaporation("hamon")},
    network=LandNetwork,
    steps=("day",),
    windows=True,
    title="EXP-HYDRO with parameters from a neural network",
    subject="daily discharge and water",
    comment="Stores need about a year to settle.",
    references="Patil & Stieglitz 2014, doi:10.5194/hess-18-3423-2014; Jiang et al. 2020, doi:10.1029/2020GL088229",
)
