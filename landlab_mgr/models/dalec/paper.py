"""Figures and tables of Fang, Bowman, Zhao, Lian & Gentine (DifferLand), by the analyses that make them. JAX-free."""

from landlab_mgr.models.paper import FULLEST, Item, Number, Paper

_OBSERVED: dict[str, tuple[str | tuple[str, ...], str]] = {
    "LAI": ("lai", "0.90"),
    "SIF": ("sif", "0.81"),
    "VOD": ("vod", "0.86"),
    "ET": (("et_gleam", "et"), "0.66"),
    "biomass": ("biomass", "0.88"),
    "NBE, 4 x 5 degrees": ("nbe", "0.79"),
    "EWT, 4 x 5 degrees": ("ewt", "0.58"),
}
"""Variables that the paper scores at held-out pixels, with their columns and R2."""
_SKILL = tuple(
    Number(f"R2 of {name}", column, {"predictors": FULLEST}, published, spread="sd of {column}")
    for name, (column, published) in _OBSERVED.items()
)
_SKILL_OF_MEAN = tuple(
    Number(f"R2 of {name}", column, {"predictors": FULLEST}) for name, (column, _) in _OBSERVED.items()
)
_MAPPED = tuple(
    Number(f"median r of {name}", "median r", {"variable": column})
    for name, (column, _) in _OBSERVED.items()
    if name != "biomass"
)
_FLUXES: dict[str, tuple[str | tuple[str, ...], str, str]] = {
    "GPP": ("gpp", "0.88", "0.85"),
    "RECO": ("reco", "0.84", "0.82"),
    "ET": (("et_fluxnet", "et"), "0.71", "0.72"),
}
"""Fluxes at towers, with r of site means over all sites, and over those held out."""
_AT_TOWERS = tuple(
    Number(
        f"r of site means, {name}, {sites} sites",
        "r of site means",
        {"variable": variable, "sites": sites, "of": "ensemble mean"},
        published,
    )
    for name, (variable, everywhere, held_out) in _FLUXES.items()
    for sites, published in (("all", everywhere), ("held out", held_out))
)


def _shares(columns: dict[str, str]) -> tuple[Number, ...]:
    return tuple(
        Number(f"{variable}: {name}, %", column, {"variable": names})
        for variable, names in (
            ("LAI", "lai"),
            ("NBE", "nbe"),
            ("SIF", "sif"),
            ("EWT", "ewt"),
            ("ET", ("et_gleam", "et")),
        )
        for name, column in columns.items()
    )


_OF_FIGURE_2 = ("lai", "nbe", "sif", "ewt", ("et_gleam", "et"))
_GROUPS = ("PFT", "CLIM", "AGE", "SOIL")
_ON_THE_MAP = {"structure and forcing": "structure of all"} | {g: f"{g} of all" for g in _GROUPS}
_OVER_ALL = {"structure and forcing": "control % of all"} | {g: f"{g} % of all" for g in _GROUPS}


def _means(*names: str) -> tuple[Number, ...]:
    return tuple(Number(n.replace("_", " "), "mean", {"parameter": n}, spread="sd of members") for n in names)


_TIMES = tuple(f"residence_time_{pool}" for pool in ("wood", "root", "litter", "som"))
_ALLOCATION = tuple(f"allocation_{pool}" for pool in ("foliar", "labile", "root", "wood"))
_MEANS = ("cue", "q10", "lcma")

PAPER = Paper(
    citation="Fang, Bowman, Zhao, Lian & Gentine: Differentiable Land Model Reveals Global Environmental Controls on "
    "Ecological Parameters",
    items=(
        Item("Figure S3", "training, dev and test patches", "split_map", runs="all"),
        Item(
            "Figures S4-S5",
            "R2 at held-out pixels, mean and SD over members",
            "skill",
            {"split": "test", "statistic": "R2"},
            numbers=_SKILL,
            runs="all",
        ),
        Item(
            "Figures S4-S5",
            "R2 at held-out pixels of the ensemble's mean prediction",
            "skill",
            {"split": "test", "statistic": "R2", "of": "ensemble_mean"},
            numbers=_SKILL_OF_MEAN,
        ),
        Item("Figure S6", "maps of r", "pixels", {"split": "all", "statistic": "r"}, numbers=_MAPPED),
        Item(
            "Figures S7-S8",
            "the land's sink and carbon fluxes, by region",
            "budget",
            variables=("nbe", "gpp", "reco", "et"),
            numbers=(
                Number(
                    "NBE of all land, PgC yr-1",
                    "mean",
                    {"variable": "nbe", "region": "all"},
                    "-2.50 ± 0.59",
                    spread="sd of members",
                ),
                *(
                    Number(
                        f"{name} of all land, {unit}",
                        "mean",
                        {"variable": variable, "region": "all"},
                        spread="sd of members",
                    )
                    for name, variable, unit in (
                        ("GPP", "gpp", "PgC yr-1"),
                        ("RECO", "reco", "PgC yr-1"),
                        ("ET", "et", "1000 km3 yr-1"),
                    )
                ),
            ),
        ),
        Item("Figures S9-S12", "towers", "towers", numbers=_AT_TOWERS),
        Item(
            "Figure 2 a-f",
            "what explains each test pixel's course in time",
            "partition_map",
            {"split": "test", "statistic": "r2"},
            _OF_FIGURE_2,
            _shares(_ON_THE_MAP),
            runs="all",
        ),
        Item(
            "Figure 2 a-f",
            "what explains the test pixels together",
            "partition",
            {"split": "test", "statistic": "r2"},
            numbers=_shares(_OVER_ALL),
            runs="all",
        ),
        Item(
            "Figure S17",
            "what explains each pixel's course in time, all pixels",
            "partition_map",
            {"split": "all", "statistic": "r2"},
            _OF_FIGURE_2,
            _shares(_ON_THE_MAP),
            runs="all",
        ),
        Item(
            "Figures S19-S20",
            "parameters that members agree on",
            "identify",
            numbers=(
                Number("parameters identifiable", "identifiable", {"setup": FULLEST}),
                Number("of so many", "parameters", {"setup": FULLEST}),
                Number(
                    "parameters identifiable, CLIM+AGE+SOIL",
                    "identifiable",
                    {"setup": ("CLIM+AGE+SOIL", "CLIM+SOIL+AGE")},
                ),
            ),
            runs="all",
        ),
        Item(
            "Figures S21-S22",
            "residence times and allocation",
            "parameters",
            {"parameters": ",".join((*_TIMES, *_ALLOCATION))},
            numbers=_means(*_TIMES, *_ALLOCATION),
        ),
        Item(
            "Figures S23-S25",
            "carbon use efficiency, Q10 and leaf carbon per area",
            "parameters",
            {"parameters": ",".join(_MEANS)},
            numbers=_means(*_MEANS),
        ),
        Item(
            "Figures 3 and S26",
            "axes along which parameters vary together",
            "pca",
            numbers=(
                Number(
                    "variance that three components explain, %",
                    ("PC1", "PC2", "PC3"),
                    {"parameter": "variance explained"},
                    "83.3",
                    total=True,
                    scale=100.0,
                ),
            ),
        ),
        Item(
            "Figure 4",
            "predictors that each parameter owes its pattern to",
            "shap",
            {"style": "paper"},
            groups="CLIM+AGE+SOIL",
        ),
        Item(
            "Tables S1-S3",
            "R2 of every predictor set at held-out pixels, mean and SD",
            "skill",
            {"split": "test", "statistic": "R2"},
            runs="all",
        ),
        Item(
            "Tables S1-S3",
            "shares of R2 that the groups explain, at held-out pixels",
            "partition",
            {"split": "test", "statistic": "R2"},
            numbers=_shares(_OVER_ALL),
            runs="all",
        ),
    ),
)
