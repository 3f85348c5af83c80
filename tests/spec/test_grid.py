"""Ids of all cells of a grid, without making each."""

import pytest

from landlab_mgr.spec.grid import GridSpec


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
