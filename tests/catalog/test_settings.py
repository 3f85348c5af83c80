"""Every field of a specification, as filters and tables name it, on both engines."""

import pytest
from sqlalchemy import insert, update

from landlab_mgr.catalog.tables import Run, Setup
from landlab_mgr.spec import fields
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.storage.resources import resource

from .sample import FINGERPRINT


def registered(catalog, *asked):
    specs = [RunSpec.model_validate({"dataset": FINGERPRINT, "predictors": ["PFT"]} | more) for more in asked]
    catalog.register_runs(specs)
    return [spec.run_id for spec in specs]


@pytest.fixture
def mixed(catalog):
    """Runs that differ in fields of every kind, of all models."""
    return registered(
        catalog,
        {},
        {"model": "lstm", "split": {"kind": "kfold", "folds": 3, "fold": 0}},
        {"model": "gradient_boosting", "optimizer": {"epochs": 50}, "streams": ["lai"]},
        {
            "predictors": ["CLIM", "PFT", "Zoë [1], north"],
            "split": {"kind": "region_out", "regions": ["Süd", 'the "old" one'], "box": [-10, 5, 0, 20.5]},
            "loss_weights": {"lai": 40},
            "network": {"hidden": [8], "head_scale": 0.1, "head_bias": "typical"},
            "warmup_months": 6,
        },
        {"split": {"kind": "years_out", "years": [2004, 2003], "months": ["2001-07"]}, "seeds": {"init": 3}},
    )


def literal(value):
    return str(value) if isinstance(value, int | float) else "'" + value.replace("'", "''") + "'"


@pytest.mark.parametrize("name", [name for name in fields.fields() if name != "dataset"])
def test_a_filter_finds_what_the_table_shows(catalog, mixed, name):
    settings = catalog.settings(mixed)
    for value in {settings[run_id][name] for run_id in mixed} - {None}:
        expected = [run_id for run_id in mixed if settings[run_id][name] == value]
        assert list(catalog.runs(f"{name} = {literal(value)}")["run_id"]) == expected
        others = catalog.runs(f"not {name} in ({literal(value)})")["run_id"]
        assert list(others) == [run_id for run_id in mixed if run_id not in expected]


def test_the_table_has_every_field(catalog, mixed):
    table = catalog.table().set_index("run_id")
    assert set(fields.fields()) <= set(table)
    whole = table.loc[mixed[3]]
    assert (whole["split.box"], whole["network.hidden"], whole["loss_weights.lai"]) == (
        "-10.0,5.0,0.0,20.5",
        "8",
        40,
    )
    assert table["split.fold"].isna().tolist() == [True, False, True, True, True]
    assert table["loss_weights.lai"].isna().tolist() == [False, False, True, False, False]
    assert (table["fingerprint"] == FINGERPRINT).all()
    assert table["optimizer.epochs"].tolist() == [199, 199, 50, 199, 199]


def test_a_setup_that_holds_its_defaults_is_found_alike(catalog):
    """As old catalogs store it."""
    plain, other = registered(catalog, {}, {"optimizer": {"epochs": 7}})
    with catalog.transaction(write=True) as tx:
        for spec in catalog.specs([plain, other]).values():
            whole = spec.model_dump(mode="json", exclude={"dataset", "loss_weights", "seeds"})
            setup = catalog.run(spec.run_id).setup_id
            tx.execute(update(Setup).where(Setup.id == setup).values(spec=whole))
    for text in (
        "optimizer.epochs = 199",
        "optimizer.epochs = 199 and not split.fold = 0 and streams != 'lai'",
    ):
        assert list(catalog.runs(text)["run_id"]) == [plain]
    assert catalog.settings([plain, other])[plain] == fields.values(
        catalog.specs([plain])[plain].model_dump(mode="json")
    )


def test_a_model_brings_fields_and_defaults_of_its_own(catalog, monkeypatch):
    network = {
        "dalec": {"hidden": (tuple[int, ...], (32, 32, 32))},
        "lstm": {"hidden": (tuple[int, ...], (64,)), "two_way": (bool, False), "cell": (str, "lstm")},
        "gradient_boosting": {},
    }
    tables = fields._tables
    monkeypatch.setattr(fields, "_tables", lambda model: tables(model) | {"network": network.get(model, {})})
    fields.fields.cache_clear()
    try:
        land, plain, two_way, trees = registered(
            catalog,
            *({"model": m, "seeds": {"init": i}} for i, m in enumerate(("dalec", "lstm", "lstm"))),
            {"model": "gradient_boosting"},
        )
        with catalog.transaction(write=True) as tx:
            new = {
                "id": "s",
                "label": "PFT",
                "predictors": ["PFT"],
                "process": {},
                "spec": {"model": "lstm", "network": {"two_way": True}},
            }
            tx.execute(insert(Setup).values(new))
            tx.execute(update(Run).where(Run.run_id == two_way).values(setup_id="s"))
        for text, expected in (
            ("network.hidden = '32,32,32'", [land]),
            ("network.hidden = '64'", [plain, two_way]),
            ("network.two_way = 'true'", [two_way]),
            ("network.two_way = 'false'", [plain]),
            ("network.cell = 'lstm'", [plain, two_way]),
            ("not network.cell = 'lstm'", [land, trees]),
        ):
            assert list(catalog.runs(text)["run_id"]) == expected, text
        assert catalog.settings([two_way])[two_way]["network.two_way"] == "true"
    finally:
        fields.fields.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("setup.groups = 'CLIM+PFT'", "predictors = 'PFT+CLIM'"),
        ("setup.model = 'lstm'", "model = 'lstm'"),
        ("setup.process.water_stress != 'linear'", "process.water_stress != 'linear'"),
        ("weights.lai > 10", "loss_weights.lai > 10"),
        ("seed = 3", "seeds.init = 3"),
    ],
)
def test_old_spellings_go_on_working(catalog, mixed, old, new):
    assert list(catalog.runs(old)["run_id"]) == list(catalog.runs(new)["run_id"])


def test_an_axis_of_the_bundled_k_fold_is_asked_for(catalog):
    grid = load_grid(resource("experiments") / "fluxval_kfold.toml")
    catalog.register_runs(list(grid.expand(FINGERPRINT)), grid)
    assert len(catalog.runs("split.fold = 0")) == 2 * 2 * 5
    one = "split.fold = 0 and process.water_stress = 'nn_flux_terms' and predictors = 'CONTROL'"
    assert catalog.runs(one)["seed"].tolist() == [0, 1, 2, 3, 4]
    assert len(catalog.runs("split.fold in (1, 2) and optimizer.epochs = 120")) == 2 * 2 * 2 * 5
    assert len(catalog.runs("loss_weights.lai = 20 and split.fold >= 0")) == 100
    differing = fields.differing(catalog.settings(list(catalog.runs()["run_id"])).values())
    assert differing["split.fold"] == [0, 1, 2, 3, 4]
    assert [n for n in differing if not n.startswith("seeds.")] == [
        "predictors",
        "process.water_stress",
        "split.fold",
    ]
