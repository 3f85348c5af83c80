"""Tables of the bucket. JAX-free, so that the catalog, the app and the analyses read them quickly."""

from landlab_mgr.models.options import LandNetwork
from landlab_mgr.models.tables import Kind, Parameter, Tables, compared
from landlab_mgr.observations.streams import Stream
from landlab_mgr.observations.variables import Variable

DISCHARGE = Variable("discharge", "mm d-1", "discharge", 0, 300, "Q", never_negative=True)
EVAPORATION = Variable("evaporation", "mm d-1", "evaporation", 0, 20, "E", never_negative=True)
STORAGE = Variable("storage", "mm", "water in the bucket", 0, 2000, stock=True)
GAUGE = Stream("gauge", "discharge")

TABLES = Tables(
    name="bucket",
    summary="one bucket of water: rain in, evaporation and discharge out",
    implementation="bucket:MODEL",
    parameters=(
        Parameter("capacity", 20.0, 1000.0, "mm", "water that the bucket holds", typical=200.0),
        Parameter("drainage", 1e-3, 0.1, "d-1", "share that drains in a day", typical=0.01),
        Parameter("demand", 0.01, 1.0, "mm d-1 degC-1", "evaporation per degree above 0", typical=0.1),
    ),
    forcing=("precip", "tmax"),
    terms={"gauge": compared(GAUGE, 1.0)},
    outputs=(DISCHARGE, EVAPORATION, STORAGE),
    pools=("storage",),
    always=("discharge", "storage"),
    processes={
        "evaporation": Kind(
            name="evaporation",
            default="linear",
            meaning="how evaporation falls as the bucket empties",
            implementations={"linear": "bucket:LINEAR", "sudden": "bucket:SUDDEN"},
            plugins="bucket.evaporation",
        )
    },
    network=LandNetwork,
    title="A bucket with parameters from a neural network",
    subject="discharge",
)
