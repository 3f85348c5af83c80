"""Ids of all cells of a grid, without making each."""

import pytest

from landlab_mgr.spec.grid import GridSpec, load_grid


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seeds": (0, 7, 2**31 - 1)},
        {"base": {"optimizer": {"epochs": 3}, "warmup_months": 12}},
        {"axes": {"optimizer.learning_rate": (1e-3, 1e-4), "process.water_stress": ("linear", "nn_paw")}},
    ],
)
def test_identities_are_those_of_the_cells(changes):
    content = {
        "name": "g",
        "dataset": "d",
        "factorial": ("PFT", "CLIM"),
        "setups": (("CONTROL",),),
        "seeds": 4,
    }
    grid = GridSpec.model_validate(content | changes)
    cells = list(grid.expand("0" * 16))
    identities = list(grid.identities("0" * 16))
    assert [run_id for *_, run_id in identities] == [cell.run_id for cell in cells]
    assert [label for _, _, label, _ in identities] == [cell.label for cell in cells]
    assert [seed for seed, *_ in identities] == [cell.seeds.init for cell in cells]


def test_a_models_own_optimizer_is_written_into_a_grid_file(tmp_path):
    """5e-4 and 199 epochs are of land models: trees learn next to nothing with them."""
    text = (
        'name = "trees"\ndataset = "x"\nsetups = [["PFT"]]\nseeds = 1\n[base]\nmodel = "gradient_boosting"\n'
    )
    path = tmp_path / "grid.toml"
    path.write_text(text)
    [run] = load_grid(path).expand("0" * 16)
    assert (run.optimizer.learning_rate, run.optimizer.epochs) == (0.05, 100)
    path.write_text(text + "[base.optimizer]\nepochs = 7\n")
    [run] = load_grid(path).expand("0" * 16)
    assert (run.optimizer.learning_rate, run.optimizer.epochs) == (0.05, 7)
    path.write_text(text.replace("gradient_boosting", "dalec"))
    assert load_grid(path).base == {"model": "dalec"}
