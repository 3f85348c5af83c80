"""Tables of DALEC, the default model. JAX-free."""

from landlab_mgr.models.dalec.paper import PAPER
from landlab_mgr.models.dalec.parameters import DERIVED, PARAMETERS, PHENOLOGY, POOL, POOLS
from landlab_mgr.models.options import LandNetwork
from landlab_mgr.models.tables import Collapse, Kind, LossTerm, Tables, compared
from landlab_mgr.observations.streams import STREAMS
from landlab_mgr.observations.variables import FORCING, VARIABLES, Variable

_PROCESS = "landlab_mgr.models.dalec.process"
NBE_WEIGHT = 3000.0

TERMS = {
    t.name: t
    for t in (
        compared(STREAMS["sif"], 400.0),
        compared(STREAMS["lai"], 10.0),
        compared(STREAMS["biomass"], 5e-5),
        compared(STREAMS["som"], 3e-6),
        compared(STREAMS["nbe"], NBE_WEIGHT),
        compared(STREAMS["nbe"], NBE_WEIGHT * 3.46, name="nbe_iav", average="year"),
        compared(STREAMS["fire"], 1000.0),
        compared(STREAMS["ewt"], 0.2, output="water"),
        compared(STREAMS["vod"], 100.0),
        compared(STREAMS["gpp_fluxnet"], 100.0),
        compared(STREAMS["reco_fluxnet"], 100.0),
        compared(STREAMS["et_fluxnet"], 100.0),
        compared(STREAMS["et_gleam"], 1.0),
        compared(STREAMS["nee_site"], 100.0),
        LossTerm("violation", 400.0),
        LossTerm("edc", 10.0),
    )
}
"""Default weights are those of the reference."""

WATER_STRESS = Kind(
    name="water_stress",
    default="linear",
    meaning="photosynthesis and evapotranspiration, as far as water allows",
    implementations={
        "linear": f"{_PROCESS}.water:LINEAR",
        "none": f"{_PROCESS}.water:NONE",
        "nn_paw": f"{_PROCESS}.water_learned:NN_PAW",
        "nn_flux": f"{_PROCESS}.water_learned:NN_FLUX",
        "nn_flux_no_lai": f"{_PROCESS}.water_learned:NN_FLUX_NO_LAI",
        "acm_nn_et": f"{_PROCESS}.water_learned:ACM_NN_ET",
        "nn_flux_terms": f"{_PROCESS}.water_learned:NN_FLUX_TERMS",
        "acm_nn_et_terms": f"{_PROCESS}.water_learned:ACM_NN_ET_TERMS",
    },
    plugins="landlab_mgr.water_stress",
)
PHOTOSYNTHESIS = Kind(
    name="photosynthesis",
    default="acm",
    meaning="gross primary productivity without water stress",
    implementations={"acm": f"{_PROCESS}.photosynthesis:ACM"},
    plugins="landlab_mgr.photosynthesis",
)
RUNOFF = Kind(
    name="runoff",
    default="per_month",
    meaning="runoff of a month, or as the published code has it of a step, whatever its length",
    implementations={
        "per_month": f"{_PROCESS}.water:PER_MONTH",
        "per_step": f"{_PROCESS}.water:PER_STEP",
    },
    plugins="landlab_mgr.runoff",
)

LEAFY_LAI = 0.3
"""Mean observed LAI (m2 m-2) above which a pixel has leaves."""
BARE_LEAF_CARBON = 2.0
"""Mean leaf carbon (gC m-2) below which a modelled pixel has none: gone for good, as their gradients are."""
COLLAPSE = Collapse(
    STREAMS["lai"], LEAFY_LAI, lambda lai, parameters: lai * parameters["lcma"] < BARE_LEAF_CARBON, "leaves"
)

_STANDARD_NAMES = {
    "foliar": "leaf_mass_content_of_carbon",
    "root": "root_mass_content_of_carbon",
    "litter": "litter_mass_content_of_carbon",
}
STOCKS = tuple(
    Variable(p.name, p.unit, f"{p.name} pool", standard_name=_STANDARD_NAMES.get(p.name, ""), stock=True)
    for p in PARAMETERS
    if p.name in POOLS and p.name not in VARIABLES
)
"""Pools that are not observed as such."""
STRESS = Variable(
    "beta", "1", "factor of water stress on gross primary productivity", 0, 1, never_negative=True
)

NOTES = {
    "principal": (
        *("canopy_efficiency", "uwue", "q10", "f_auto", "lcma", "labile_release_period", "leaf_fall_period"),
        *("leaf_lifespan", "allocation_labile", "allocation_foliar", "allocation_wood", "allocation_root"),
        "residence_time_litter",
    ),  # of the principal components, as in Fang et al.
    "explained": (
        *("canopy_efficiency", "uwue", "q10", "f_auto", "lcma", "labile_release_period", "leaf_fall_period"),
        *("leaf_lifespan", "allocation_labile", "allocation_foliar", "allocation_wood", "allocation_root"),
    ),  # by SHAP
    "lists": {PHENOLOGY: "days of the year", POOL: "initial pools"},  # names in which parameters are counted
    "unused": ("iwue",),
    "mapped": "canopy_efficiency",
    "response": ("water", "beta"),
    "budget": ("gpp", "reco", "nee", "et"),
    "towers": ("gpp", "reco", "et"),
    "benchmarked": ("gpp", "nee", "et", "reco", "lai"),
}
"""Defaults of analyses."""

TABLES = Tables(
    name="dalec",
    label="process model",
    summary="the land model DALEC, monthly or daily: carbon and water of land, parameters from a network",
    implementation="landlab_mgr.models.dalec.model:MODEL",
    parameters=PARAMETERS,
    latitude_heads=(PHENOLOGY,),
    derived=DERIVED,
    forcing=tuple(FORCING),
    switches=("burned_area",),
    terms=TERMS,
    outputs=(*(v for v in VARIABLES.values() if v.name != "ewt"), *STOCKS, STRESS),
    pools=POOLS,
    always=("gpp", "nee", "reco", "et", "lai"),
    processes={kind.name: kind for kind in (WATER_STRESS, PHOTOSYNTHESIS, RUNOFF)},
    collapse=COLLAPSE,
    network=LandNetwork,
    steps=("month", "day"),
    title="DALEC with parameters from a neural network",
    comment="Initial pools are those that each member's network gives a place of its predictors; "
    "pools and LAI need some years to settle.",
    notes=NOTES,
    paper=PAPER,
    references="Bloom & Williams 2015, doi:10.5194/bg-12-1299-2015; Fang & Gentine 2024, doi:10.1029/2024MS004308",
)
