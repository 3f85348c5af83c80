"""The files of studies: what they ask, and what is refused in one line."""

import pytest

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec.grid import load_grid
from landlab_mgr.spec.study import TuneSpec, load_study
from landlab_mgr.storage.resources import resource

TOP = 'name = "s"\ndataset = "d"\npredictors = ["PFT"]\n'
SPACE = "[space.loss_weights]\nlai = [0.1, 10]\n"


@pytest.mark.parametrize(
    "path", sorted(resource("experiments").glob("tune_*.toml")), ids=lambda path: path.name
)
def test_every_bundled_study_is_one(path):
    spec = load_study(path)
    start = spec.start()
    assert start.keys() == spec.space.keys()
    [first, *_] = spec.runs("0" * 16, start, spec.seed_list)
    assert first.loss_weights == spec._run("0" * 16, spec.base, 0).loss_weights


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TOP + "[space.loss_weights]\nlay = [0.1, 10]", "space: unknown loss term 'lay'; known: sif, lai"),
        (
            TOP + '[space.loss_weights]\nfire = [0.1, 10]\n[base]\nmodel = "lstm"',
            "study s: space: loss_weights.fire: model 'lstm' has no such loss term; it has sif, lai",
        ),
        (TOP + "[space]", "space: is empty: name at least one number"),
        (TOP, "space: Field required"),
        (
            TOP + "[space.network]\nhidden = [1, 2]",
            "network.hidden cannot be searched; allowed: loss_weights.TERM",
        ),
        (TOP + "[space.loss_weights]\nlai = [10, 0.1]", "give a low above 0 and a higher high"),
        (TOP + "[space.loss_weights]\nlai = [0, 1]", "give a low above 0 and a higher high"),
        (TOP + "[space.loss_weights]\nlai = 3", "space: every number needs its range, such as"),
        (TOP + "[space.optimizer]\nepochs = [0.5, 3]", "a run has at least 1 epoch"),
        (TOP + 'sampler = "anneal"\n' + SPACE, "sampler: Input should be 'tpe', 'gp'"),
        (TOP + 'sampler = "gp"\n' + SPACE, "sampler 'gp' needs PyTorch: pip install torch"),
        (TOP + 'split = "test"\n' + SPACE, "split: unknown key; known: name, dataset"),
        (TOP + "seeds = []\n" + SPACE, "no seeds"),
        (TOP + SPACE + "[base.optimizer]\nepoch = 3", "study s: base: optimizer.epoch: unknown key"),
        (TOP + SPACE + "[base]\nseeds = {init = 1}", "`seeds` belongs to the study, not to"),
        (TOP + SPACE + "[base.loss_weights]\nlai = 0", r"loss_weights.lai: [base] sets this weight to 0"),
        (
            TOP + 'pruner = "asha"\n' + SPACE + '[[objectives]]\nvariables=["lai"]\n[[objectives]]',
            "several objectives cannot prune",
        ),
        (
            TOP + 'sampler = "cmaes"\n' + SPACE + '[[objectives]]\nvariables=["lai"]\n[[objectives]]',
            "sampler 'cmaes' has one objective; allowed for several: tpe, gp",
        ),
        (TOP + SPACE + "[[objectives]]\n[[objectives]]", "an objective is given twice"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path, text, said):
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(LandlabError) as error:
        load_study(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_cannot_be_read_is_one_line(tmp_path):
    for load in (load_study, load_grid):
        with pytest.raises(LandlabError, match=r"cannot be read: Is a directory"):
            load(tmp_path)


def test_numbers_are_multiples_of_weights_and_fields_of_the_optimiser():
    spec = TuneSpec.model_validate(
        {
            "name": "s",
            "dataset": "d",
            "predictors": ["PFT"],
            "space": {
                "loss_weights": {"lai": [0.1, 10], "som": [0.1, 10]},
                "optimizer": {"epochs": [20, 400]},
            },
            "base": {"loss_weights": {"lai": 40}},
            "seeds": [3, 5],
        }
    )
    drawn = {"loss_weights.lai": 0.123456789, "loss_weights.som": 1.0, "optimizer.epochs": 31}
    members = spec.runs("0" * 16, drawn, spec.seed_list)
    assert [m.seeds.init for m in members] == [3, 5]
    assert {m.loss_weights["lai"] for m in members} == {4.93827}
    assert members[0].weights["som"] == registry.terms()["som"].weight
    assert members[0].optimizer.epochs == 31
    assert spec.fresh[0] == 6
    assert "trials" not in spec.asked
