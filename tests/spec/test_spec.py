"""Specs and grids: identity, expansion, and one clear line for every mistake."""

import itertools

import pytest
from pydantic import ValidationError

from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.grid import GridSpec, load_grid
from landlab_mgr.spec.run import OptimizerSpec, RunSpec, validated
from landlab_mgr.storage.resources import resource


def _plain(**fields):
    """A specification in which only these fields are not the default."""
    return RunSpec.model_validate({"dataset": "a" * 16, "predictors": ("PFT",)} | fields)


FIRST_TERMS = (
    *("sif", "lai", "biomass", "som", "nbe", "nbe_iav", "fire", "ewt", "vod", "gpp_fluxnet", "reco_fluxnet"),
    *("et_fluxnet", "et_gleam", "nee_site", "violation", "edc"),
)
"""Loss terms when these specifications were first stored; more may have come."""
STORED = {
    "a3": RunSpec(dataset="a" * 16, predictors=("PFT",)),
    "b7": RunSpec(
        dataset="b" * 16,
        predictors=("SOIL", "PFT"),
        loss_weights={"lai": 3.0, "gpp_fluxnet": 100.0},
        optimizer={"epochs": 7, "learning_rate": 1e-3},
        seeds={"init": 4, "split": 4, "shuffle": 4},
    ),
    "seeds": _plain(seeds={"init": 1, "split": 2**31 - 1, "shuffle": 0}),
    "streams": _plain(streams=("lai", "gpp_fluxnet")),
    "no stream": _plain(streams=()),
    "every weight": _plain(loss_weights={name: 0.1 * i for i, name in enumerate(FIRST_TERMS, start=1)}),
    "no weight": _plain(loss_weights=dict.fromkeys(FIRST_TERMS, 0)),
    "process": _plain(process={"water_stress": "nn_flux_no_lai"}),
    "process@2": _plain(process={"water_stress": "curved@2"}),
    "network": _plain(network={"hidden": (64,), "negative_slope": 0.3}),
    "optimizer": _plain(
        optimizer={
            "learning_rate": 3e-3,
            "epochs": 1,
            "patches_per_batch": 0,
            "weight_decay": 1e-9,
            "clip_norm": 2,
        }
    ),
    "start": _plain(network={"head_scale": 0.1, "head_bias": "typical"}),
    "best epoch": _plain(optimizer={"keep": "best_dev"}),
    "schedule": _plain(optimizer={"schedule": "cosine"}),
    "process rate": _plain(process={"water_stress": "nn_paw"}, optimizer={"process_rate": 4}),
    "split": _plain(split={"kind": "patch", "dev_fraction": 1 / 3}),
    "kfold": _plain(split={"kind": "kfold", "fold": 3}),
    "kfold of 10": _plain(split={"kind": "kfold", "folds": 10, "fold": 0, "dev_fraction": 0.2}),
    "regions": _plain(split={"kind": "region_out", "regions": ("europe", "asia")}),
    "box": _plain(split={"kind": "region_out", "box": (-10, 10, 170, -170)}),
    "years": _plain(split={"kind": "years_out", "years": (2010, 2003)}),
    "months": _plain(split={"kind": "years_out", "months": ("2003-07",)}),
    "warmest": _plain(split={"kind": "years_out", "warmest": 3}),
    "coolest": _plain(split={"kind": "years_out", "coolest": 3}),
    "single pixel": _plain(split={"kind": "all"}),
    "warmup": _plain(warmup_months=0),
    "plugin's group": _plain(predictors=("LATLON", "türme-塔", "CONTROL", "AGE", "CLIM")),
    "science": _plain(science_version=7),
    "baseline": _plain(model="gradient_boosting"),
    "free": _plain(
        predictors=("PLACE",),
        network={"kind": "free", "spread": 0.25},
        split={"kind": "years", "train_fraction": 0.5},
        loss={"normalise": "variance"},
    ),
    "windows": _plain(model="hbv", batch={"window_years": 2, "warmup_years": 0}),
    "until a day": _plain(split={"kind": "years", "train_until": "2008-12-31"}),
    "second version of a model": _plain(model="lstm", model_version=2, network={"hidden": 8}),
    "third version of a model": _plain(model="lstm", model_version=3, network={"hidden": 8}),
    "all": RunSpec(
        dataset="0123456789abcdef",
        predictors=("PFT", "CLIM", "AGE", "SOIL"),
        streams=("sif", "lai"),
        loss_weights={"sif": 0.5, "violation": 12},
        process={"water_stress": "acm_nn_et"},
        network={"hidden": (8, 4), "negative_slope": 0},
        optimizer={
            "learning_rate": 0.1,
            "epochs": 12,
            "patches_per_batch": 4,
            "weight_decay": 0.01,
            "clip_norm": 0.5,
        },
        split={"dev_fraction": 0.25},
        seeds={"init": 11, "split": 12, "shuffle": 13},
        warmup_months=36,
    ),
}
IDENTITIES = {
    "a3": "5cde29eb7ff7e80d",
    "b7": "d7daa12d3942896f",
    "seeds": "d9222d1549238b6f",
    "streams": "ab5d0c95cbee79be",
    "no stream": "1ceeff8d546af825",
    "every weight": "5d320c97b3b79399",
    "no weight": "6eda8dd2f1490700",
    "process": "45f2491ab79a990c",
    "process@2": "19a7a41eeb0d2bf1",
    "network": "615717430d45a980",
    "optimizer": "b4d4f0ddcb8782e9",
    "start": "90c37ab81d1be647",
    "best epoch": "038184d9ad0ce905",
    "schedule": "00bed187027e588a",
    "process rate": "0b5bf5e42b1536c3",
    "split": "f162de0c0b671297",
    "kfold": "8a92bde9796a8125",
    "kfold of 10": "98c605cfd33f0479",
    "regions": "96211ee69430fbc6",
    "box": "5d982221aac4e19b",
    "years": "92b7edbbcd72a295",
    "months": "5ad9a14b2d9b68bb",
    "warmest": "65ac1b2ce5c10ec2",
    "coolest": "33a7b641a78974de",
    "single pixel": "84d6a2f06fe8f831",
    "warmup": "0518ce804acd0879",
    "plugin's group": "7102a67c3212281f",
    "science": "2e283fbde5455615",
    "baseline": "b119d1eb87ea0a65",
    "free": "d5031e96100da899",
    "windows": "51864e1037db94d6",
    "until a day": "4417fb7b2804f0eb",
    "second version of a model": "23a48fd666d9993f",
    "third version of a model": "c1267433dbb1d10d",
    "all": "6d880bc0026c4ebf",
}
"""As they were first stored; one that changes orphans every run that anybody registered under it."""


@pytest.mark.parametrize(
    "fields",
    [
        {"warmup_months": True},
        {"optimizer": {"epochs": True}},
        {"loss_weights": {"lai": True}},
        {"seeds": {"init": False}},
        {"network": {"hidden": [8, True]}},
    ],
)
def test_true_is_no_number(fields):
    with pytest.raises(LandlabError, match=r"must be no (true|false)"):
        validated(RunSpec, {"dataset": "d", "predictors": ["PFT"], **fields}, "x")


@pytest.mark.parametrize("seeds", [True, [True, 2]])
def test_true_is_no_number_of_seeds(seeds):
    with pytest.raises(LandlabError, match=r"seeds.*must be no true"):
        validated(GridSpec, {"name": "g", "dataset": "d", "setups": [["PFT"]], "seeds": seeds}, "x")


def test_every_field_is_among_the_stored():
    for name, part in RunSpec.model_fields.items():
        values = [getattr(spec, name) for spec in STORED.values()]
        assert any(value != part.get_default(call_default_factory=True) for value in values), name
        for inner in getattr(part.annotation, "model_fields", {}):
            assert len({getattr(value, inner) for value in values}) > 1, f"{name}.{inner}"


@pytest.mark.parametrize("name", STORED)
def test_stored_identities_do_not_change(name):
    assert STORED[name].run_id == IDENTITIES[name]


def test_identity_is_of_the_science_alone():
    spec = STORED["b7"]
    same = RunSpec(
        dataset="b" * 16,
        predictors=("PFT", "SOIL", "PFT"),
        loss_weights={"lai": 3, "sif": 400.0},
        optimizer={"epochs": 7, "learning_rate": 0.001, "patches_per_batch": 1},
        seeds={"init": 4, "split": 4, "shuffle": 4},
    )
    assert same.run_id == spec.run_id
    for change in (
        {"dataset": "c" * 16},
        {"predictors": ("PFT",)},
        {"loss_weights": {"lai": 2.0}},
        {"warmup_months": 12},
        {"streams": ("lai",)},
        {"science_version": spec.science_version + 1},
    ):
        assert spec.model_copy(update=change).run_id != spec.run_id, change


def test_setup_is_shared_by_members_and_by_nobody_else():
    a, b = STORED["b7"], STORED["b7"].model_copy(update={"seeds": STORED["a3"].seeds, "dataset": "d" * 16})
    assert a.setup == b.setup
    assert a.setup != STORED["a3"].setup


def test_factorial_grid_has_the_seventeen_setups():
    grid = GridSpec(
        name="g",
        dataset="d",
        factorial=("PFT", "CLIM", "AGE", "SOIL"),
        setups=(("CONTROL",), ("LATLON",)),
        seeds=20,
    )
    runs = list(grid.expand("f" * 16))
    assert len(grid.predictor_sets) == 17
    assert len({r.run_id for r in runs}) == 340
    by_seed = [r for r in runs if r.seeds.split == 3]
    assert len(by_seed) == 17
    assert {r.seeds.shuffle for r in by_seed} == {3}


def test_extending_a_grid_keeps_its_runs():
    small = GridSpec(name="g", dataset="d", setups=(("PFT",),), seeds=2)
    large = GridSpec(name="g", dataset="d", setups=(("PFT",), ("CLIM",)), seeds=(0, 1, 2))
    ids = [{r.run_id for r in g.expand("f" * 16)} for g in (small, large)]
    assert ids[0] < ids[1]


def test_axes_cross_every_setup_and_seed(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        """
name = "g"
dataset = "d"
setups = [["PFT"], ["CLIM"]]
seeds = 2
[axes]
"loss_weights.lai" = [10, 40]
process.water_stress = ["linear", "nn_paw@2"]   # unquoted: the same
streams = [["lai"], ["lai", "nee_site"]]
[base.loss_weights]
nee_site = 200
"""
    )
    grid = load_grid(path)
    runs = list(grid.expand("f" * 16))
    assert len(grid.variants) == 8
    assert len({r.run_id for r in runs}) == len(runs) == 2 * 8 * 2
    cells = [(r.seeds.init, r.weights["lai"], r.processes["water_stress"], r.streams, r.label) for r in runs]
    assert cells == list(
        itertools.product(
            (0, 1), (10, 40), ("linear", "nn_paw@2"), (("lai",), ("lai", "nee_site")), ("PFT", "CLIM")
        )
    )
    assert {r.weights["nee_site"] for r in runs} == {200}
    assert GridSpec.model_validate_json(grid.model_dump_json()) == grid


def test_an_axis_of_folds_needs_no_more_than_their_kind(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        AXES + "split.fold = [0, 1, 2, 3, 4]\n[base]\nsplit.kind = 'kfold'\nsplit.dev_fraction = 0.2"
    )
    runs = list(load_grid(path).expand("f" * 16))
    assert len({r.run_id for r in runs}) == len(runs) == 5 * 20
    assert {(r.split.kind, r.split.folds, r.split.dev_fraction) for r in runs} == {("kfold", 5, 0.2)}
    assert [r.split.fold for r in runs[:5]] == [0, 1, 2, 3, 4]


def test_one_split_said_in_two_ways_is_one():
    def run_id(**split):
        return _plain(split=split).run_id

    assert run_id(kind="years_out", years=(2010, 2003, 2010)) == STORED["years"].run_id
    assert run_id(kind="kfold", fold=3, folds=5, dev_fraction=0.1, years=None) == STORED["kfold"].run_id
    assert run_id(kind="patch", folds=5) == STORED["a3"].run_id
    for spec in STORED.values():
        assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


def test_one_predictor_set_in_two_orders_is_one():
    grid = GridSpec(
        name="g", dataset="d", factorial=("CLIM", "PFT"), setups=(("PFT", "CLIM"), ("CLIM", "PFT"))
    )
    assert grid.predictor_sets == (("CLIM",), ("PFT",), ("PFT", "CLIM"))


@pytest.mark.parametrize(
    ("asked", "stored"), [("nn_paw", "nn_paw"), ("nn_paw@1", "nn_paw"), ("x@12", "x@12")]
)
def test_version_one_of_a_process_is_its_name(asked, stored):
    assert _plain(process={"water_stress": asked}).process == {"water_stress": stored}


@pytest.mark.parametrize(
    "asked", ["", "@1", "a@", "a@@1", "a@1@2", "a@0", "a@01", "a@-1", "a@1.0", "a@b", "a b", "a\n"]
)
def test_malformed_processes_are_refused(asked):
    with pytest.raises(ValidationError, match="must be a name, or name@version"):
        _plain(process={"water_stress": asked})


GRIDS = [p for p in sorted(resource("experiments").glob("*.toml")) if not p.name.startswith("tune_")]


@pytest.mark.parametrize("path", GRIDS, ids=lambda p: p.name)
def test_every_bundled_experiment_expands(path):
    grid = load_grid(path)
    runs = list(grid.expand("0" * 16))
    cells = len(grid.predictor_sets) * len(grid.variants) * len(grid.seed_list)
    assert len({r.run_id for r in runs}) == len(runs) == cells


AXES = 'name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[axes]\n'
BASE = 'name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[base.split]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "g"\ndataset = "d"\nsetups = [["PFT"]]\ncolour = 1', "colour: unknown key; known: name"),
        (
            'name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[base.optimizer]\nepoch = 3',
            "optimizer.epoch: unknown key",
        ),
        (
            'name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[base.optimizer]\nepochs = 0',
            "epochs: Input should be",
        ),
        (
            'name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[base.loss_weights]\nlei = 2',
            "unknown loss term 'lei'; known",
        ),
        ('name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[base.loss_weights]\nlai = -1', "is negative"),
        ('name = "g"\ndataset = "d"', "no setups"),
        ('name = "g"\ndataset = "d"\nsetups = [["PFT"]]\nseeds = 0', "no seeds"),
        ('name = "g h"\ndataset = "d"\nsetups = [["PFT"]]', "name"),
        ('name = "g"\ndataset = "d"\nsetups = [["PFT"]]\n[base]\ndataset = "e"', "belongs to the grid"),
        ("name = ", "not valid TOML"),
        (AXES + '"colour" = ["red"]', "grid g: colour: unknown key; known: dataset"),
        (AXES + '"optimizer.epoch" = [3]', "grid g: optimizer.epoch: unknown key; did you mean epochs?"),
        (AXES + '"loss_weights.lei" = [3]', "unknown loss term 'lei'; known"),
        (AXES + '"optimizer.epochs" = [3, 0]', "grid g: optimizer.epochs: Input should be"),
        (AXES + '"optimizer.epochs" = 3', "axis `optimizer.epochs` needs a list of values: [3, ...]"),
        (AXES + '"optimizer.epochs" = []', "axis `optimizer.epochs` has no values"),
        (AXES + '"optimizer.epochs" = [3, 4, 3]', "axis `optimizer.epochs` has the value 3 twice"),
        (AXES + '"seeds.init" = [3]', "`seeds.init` belongs to the grid, not to [axes]"),
        (AXES + '"predictors" = [["PFT"]]', "`predictors` belongs to the grid, not to [axes]"),
        (
            AXES + "warmup_months = [3]\n[base]\nwarmup_months = 3",
            "`warmup_months` is in [axes] and in [base]",
        ),
        (
            AXES + '"optimizer.epochs" = [3]\n[base]\noptimizer = {epochs = 3}',
            "`optimizer.epochs` is in [axes] and",
        ),
        (
            AXES + "optimizer = [{epochs = 3}]\n[base.optimizer]\nclip_norm = 1",
            "`optimizer` is in [axes] and",
        ),
        (
            AXES + '"optimizer" = [{epochs = 3}]\n"optimizer.epochs" = [3]',
            "axes `optimizer` and `optimizer.epochs` set the same field",
        ),
        (AXES + '"split.kind" = ["patch"]\nsplit.kind = ["patch"]', "axis `split.kind` is given twice"),
        (
            AXES + '"process.water_stress" = ["linear", "none", "linear@1"]',
            "axis `process.water_stress`: 'linear' and 'linear@1' mean the same run",
        ),
        (
            AXES + 'streams = [["sif", "lai"], ["lai", "sif"]]',
            "axis `streams`: ['sif', 'lai'] and ['lai', 'sif']",
        ),
        (
            AXES + '"process.water_stress" = ["linear", "a@@b"]',
            "process.water_stress: must be a name, or name@",
        ),
        (AXES + "split.fold = [0, 5]\n[base.split]\nkind = 'kfold'", "needs `fold`, one of 0 to 4, not 5"),
        (BASE + "kind = 'kfold'", "split: kind 'kfold' needs `fold`, one of 0 to 4, not None"),
        (BASE + "fold = 1", "split: `fold` belongs to kind 'kfold', not to 'patch': leave it out"),
        (BASE + "kind = 'all'\ndev_fraction = 0.2", "'kfold' or 'region_out' or 'years_out', not to 'all'"),
        (BASE + "kind = 'years_out'\nregions = ['a']", "`regions` belongs to kind 'region_out', not to"),
        (BASE + "kind = 'years_out'", "needs `years`, `months`, `warmest` or `coolest`"),
        (BASE + "kind = 'region_out'", "needs `regions` or `box`"),
        (
            BASE + "kind = 'region_out'\nbox = [10, -10, 0, 5]",
            "split.box: box [10.0, -10.0, 0.0, 5.0]; give [south,",
        ),
        (
            BASE + "kind = 'years_out'\nmonths = ['2003-13']",
            "split.months: month '2003-13'; write it as 2003-07",
        ),
        (BASE + "kind = 'years_out'\nwarmest = 0", "split.warmest: Input should be greater"),
        (BASE + "kind = 'random'", "split.kind: Input should be 'patch', 'kfold'"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path, text, says):
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(LandlabError) as error:
        load_grid(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value) or "grid g" in str(error.value)


def test_missing_grid_file(tmp_path):
    with pytest.raises(LandlabError, match="no grid file"):
        load_grid(tmp_path / "absent.toml")


def test_the_learning_rate_falls_along_half_a_cosine():
    optimizer = OptimizerSpec(learning_rate=0.2, epochs=4, schedule="cosine")
    halves = [0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5)]
    assert [optimizer.rate(epoch) for epoch in (1, 2, 3, 4)] == pytest.approx(halves)
    assert OptimizerSpec(learning_rate=0.2, epochs=4).rate(4) == 0.2
