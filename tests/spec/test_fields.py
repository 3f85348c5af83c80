"""The fields of a specification by dotted name: all of them, their defaults, what differs, messages."""

import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.models.dalec.tables import TABLES
from landlab_mgr.spec import fields
from landlab_mgr.spec.run import RunSpec


def spec(**more):
    return RunSpec.model_validate({"dataset": "0" * 16, "predictors": ["PFT", "CLIM"]} | more)


def values(**more):
    return fields.values(spec(**more).model_dump(mode="json"))


def test_every_leaf_of_a_specification_is_a_field():
    def leaves(content, prefix=""):
        for name, value in content.items():
            if isinstance(value, dict):
                yield from leaves(value, f"{prefix}{name}.")
            else:
                yield prefix + name

    other = {
        "loss_weights": dict.fromkeys(TABLES.terms, 7.5),
        "process": dict.fromkeys(TABLES.processes, "x"),
    }
    asked = spec(**other).model_dump(mode="json")
    of_other_models = {f"loss_weights.{t}" for t in registry.terms()} | {
        f"process.{k}" for k in registry.kinds()
    }
    assert set(fields.fields()) == set(leaves(asked)) | of_other_models


def test_values_are_the_same_with_and_without_defaults():
    one = spec(split={"kind": "kfold", "fold": 0}, network={"hidden": [64, 8]}, streams=["lai", "gpp"])
    whole = fields.values(one.model_dump(mode="json"))
    assert fields.values(one.model_dump(mode="json", exclude_defaults=True)) == whole
    assert (whole["split.fold"], whole["split.folds"], whole["optimizer.epochs"]) == (0, 5, 199)
    assert (whole["predictors"], whole["network.hidden"], whole["streams"]) == ("PFT+CLIM", "64,8", "gpp,lai")
    assert whole["loss_weights.lai"] == TABLES.terms["lai"].weight
    assert whole["split.months"] is None


def test_a_field_that_a_model_does_not_read_has_no_value():
    trees = values(model="gradient_boosting")
    assert trees["process.water_stress"] is trees["loss_weights.lai"] is trees["optimizer.clip_norm"] is None
    assert trees["optimizer.epochs"] == 199


@pytest.mark.parametrize(
    ("name", "text", "canonical"),
    [
        ("predictors", "CLIM + PFT", "PFT+CLIM"),
        ("network.hidden", " 64, 8", "64,8"),
        ("split.box", "-10,5,0,20.5", "-10.0,5.0,0.0,20.5"),
        ("split.years", "2004,2003", "2003,2004"),
    ],
)
def test_lists_are_read_as_they_are_kept(name, text, canonical):
    assert fields.fields()[name].canonical(text) == canonical


def test_what_differs():
    rows = [values(), values(split={"kind": "kfold", "fold": 1}, seeds={"init": 3})]
    assert fields.differing(rows) == {
        "split.kind": ["kfold", "patch"],
        "split.fold": [1, None],
        "seeds.init": [0, 3],
    }
    assert list(fields.differing(rows[:1])) == []


def test_members_differ_in_what_is_pooled_only():
    rows = [
        values(split={"kind": "kfold", "fold": fold}, process={"water_stress": stress}, seeds={"init": fold})
        for fold in (0, 1)
        for stress in ("linear", "nn_paw")
    ]
    fields.require_alike(rows, ["split.fold", "process.water_stress"])
    with pytest.raises(LandlabError) as error:
        fields.require_alike(rows, ["split.fold"])
    assert str(error.value) == (
        "the members differ in process.water_stress (linear, nn_paw): narrow the filter, such as "
        "process.water_stress = 'linear', or average over them with --pool split.fold,process.water_stress"
    )


def test_an_unknown_name_is_answered_by_the_nearest_and_all():
    fields.require_known(["split.fold", "loss_weights.lai"], "--pool")
    with pytest.raises(
        LandlabError, match=r"--pool split.fld: no such field; did you mean split.fold.*; known: "
    ) as error:
        fields.require_known(["split.fld"], "--pool")
    assert set(fields.fields()) <= set(str(error.value).replace(",", "").split())
