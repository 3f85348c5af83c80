"""Tables that rainfall-runoff models share: snow, and potential evaporation as a swappable process. JAX-free."""

from landlab_mgr.models.tables import Kind
from landlab_mgr.observations.variables import Variable

_HERE = "landlab_mgr.models.potential_evaporation"


def potential_evaporation(default: str) -> Kind:
    """Kind of process that rainfall-runoff models share, with the default of one of them."""
    return Kind(
        name="potential_evaporation",
        default=default,
        meaning="evaporation where water is never short",
        implementations={
            "hargreaves": f"{_HERE}:HARGREAVES",
            "hamon": f"{_HERE}:HAMON",
            "priestley_taylor": f"{_HERE}:PRIESTLEY_TAYLOR",
        },
        plugins="landlab_mgr.potential_evaporation",
        reads={"priestley_taylor": ("ssrd",)},
    )


SNOW = Variable(
    "snow", "mm", "snow on the ground, as water", 0, 5000, never_negative=True, stock=True,
    standard_name="lwe_thickness_of_surface_snow_amount",
)  # fmt: skip
