"""Specification of a grid of experiments. JAX-free.

A grid is predictor sets x axes x seeds over one base specification.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from landlab_mgr.errors import LandlabError
from landlab_mgr.models import registry
from landlab_mgr.spec import axes
from landlab_mgr.spec.run import (
    Frozen,
    PolicySpec,
    RunSpec,
    Seeds,
    SplitSpec,
    canonical_groups,
    canonical_json,
    digest,
    validated,
)
from landlab_mgr.storage.location import read_toml

OF_THE_GRID = ("dataset", "predictors", "seeds")
"""Fields of a run that a grid sets itself."""


class GridSpec(Frozen):
    """A grid of experiments: predictor sets x axes x seeds over one base specification.

    `factorial` adds every non-empty subset of its groups as a predictor set; `setups` adds single ones. `axes` crosses
    them with any other field of the run specification, by its dotted name: {"process.water_stress": ("linear",
    "nn_paw")} runs both processes in every predictor set.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="letters, digits, '_', '.' and '-'"
    )
    dataset: str = Field(description="name or fingerprint of a published dataset")
    factorial: tuple[str, ...] = Field(
        (), description="predictor groups, of which every non-empty subset is a predictor set"
    )
    setups: tuple[tuple[str, ...], ...] = Field(
        (), description="single predictor sets, each a list of groups"
    )
    axes: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="fields of the run specification, with the values that each takes"
    )
    seeds: int | tuple[int, ...] = Field(20, description="how many (0..n-1), or which")
    base: dict[str, Any] = Field(default_factory=dict, description="fields of the run specification")
    policies: PolicySpec = PolicySpec()

    @field_validator("axes", mode="before")
    @classmethod
    def _dotted(cls, tables: Any) -> Any:
        return axes.flattened(tables) if isinstance(tables, dict) else tables

    @model_validator(mode="after")
    def _has_cells(self) -> "GridSpec":
        if not self.factorial and not self.setups:
            raise ValueError("no setups: give `factorial` or `setups`")
        if not self.seed_list:
            raise ValueError("no seeds: give how many, or a list of them")
        for field in OF_THE_GRID:
            if field in self.base:
                raise ValueError(f"`{field}` belongs to the grid, not to [base]")
        for key in self.axes:
            if key.partition(".")[0] in OF_THE_GRID:
                raise ValueError(f"`{key}` belongs to the grid, not to [axes]")
        axes.check(self.axes, self.base)
        return self

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds, sorted and without repetition."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else tuple(sorted(set(self.seeds)))

    @property
    def predictor_sets(self) -> tuple[tuple[str, ...], ...]:
        """The predictor sets of the grid, smallest first, without repetition."""
        subsets = [
            s
            for size in range(1, len(self.factorial) + 1)
            for s in itertools.combinations(self.factorial, size)
        ]
        return tuple(dict.fromkeys(canonical_groups(s) for s in (*subsets, *self.setups)))

    @property
    def variants(self) -> tuple[dict[str, Any], ...]:
        """The combinations of the axes' values, by dotted field, the last axis fastest; one empty without axes."""
        return axes.combinations(self.axes)

    @property
    def splits(self) -> tuple[SplitSpec, ...]:
        """The splits that its runs ask for, without repetition."""
        asked = (axes.applied(self.base, variant).get("split", {}) for variant in self.variants)
        return tuple(dict.fromkeys(validated(SplitSpec, fields, f"grid {self.name}") for fields in asked))

    def expand(self, fingerprint: str) -> Iterator[RunSpec]:
        """Every cell of the grid as a run on the dataset with this fingerprint: by seed, variant, predictor set.

        Seed s means the same split and shuffle in every setup, so that setups compare pairwise; the seeds
        come outermost so that an interrupted campaign has whole replicates, the predictor sets innermost because
        those of a variant train side by side.
        """
        for seed in self.seed_list:
            own = {"dataset": fingerprint, "seeds": {"init": seed, "split": seed, "shuffle": seed}}
            for variant in self.variants:
                fields = axes.applied(self.base | own, variant)
                for groups in self.predictor_sets:
                    yield validated(RunSpec, fields | {"predictors": groups}, f"grid {self.name}")

    def identities(self, fingerprint: str) -> Iterator[tuple[int, int, str, str]]:
        """Seed, place of the variant in `variants`, label and run id of every cell, in the order of `expand`.

        A cell's specification is made once for all seeds: ids of 100,000 runs take a second.
        """
        places = list(itertools.product(range(len(self.variants)), self.predictor_sets))
        known = set(self.seed_list)
        stand_in = next(n for n in itertools.count(_STAND_IN) if n not in known)
        one_of_each = self.model_copy(update={"seeds": (stand_in,)})
        cells = []
        for (variant, _), spec in zip(places, one_of_each.expand(fingerprint), strict=True):
            content = spec.differing()
            seeds = canonical_json(content["seeds"])
            before, _, after = canonical_json(content).partition(f'"seeds":{seeds}')
            cells.append((variant, spec.label, before, seeds, after))
        for seed in self.seed_list:
            own_seeds = {seeds: _own_seeds(seeds, stand_in, seed) for seeds in {cell[3] for cell in cells}}
            for variant, label, before, seeds, after in cells:
                part = own_seeds[seeds]
                start, end = (before, after) if part else _without_comma(before, after)
                yield seed, variant, label, digest(f"{start}{part}{end}")


def _own_seeds(seeds: str, stand_in: int, seed: int) -> str:
    """Return the JSON of a specification's seeds with one in place of the stand-in; "" where all are defaults."""
    own = {k: seed if v == stand_in else v for k, v in json.loads(seeds).items()}
    kept = {k: v for k, v in own.items() if v != Seeds.model_fields[k].default}
    return f'"seeds":{canonical_json(kept)}' if kept else ""


_STAND_IN = 1_000_000_007
"""A seed that stands for every other; none of them is a default, which would be left out."""


def _without_comma(before: str, after: str) -> tuple[str, str]:
    """Return the text around a JSON object's entry as it is without the entry."""
    return (before.removesuffix(","), after) if after.startswith("}") else (before, after.removeprefix(","))


def load_grid(path: str | Path) -> GridSpec:
    """Read a grid from a TOML file; every mistake is one line that names the key."""
    path = Path(path)
    content = read_toml(path, f"no grid file {path}; the bundled ones are in experiments/")
    grid = _with_optimizer_of_model(validated(GridSpec, content, str(path)))
    _check_variants(grid)
    return grid


def _with_optimizer_of_model(grid: GridSpec) -> GridSpec:
    """Write a model's own optimizer fields into a grid that leaves them open, so that they are in its runs' ids.

    They are no defaults of a run's specification: these would change what the ids of older runs mean.
    """
    model = grid.base.get("model")
    given = grid.base.get("optimizer", {})
    if not isinstance(model, str) or model not in registry.names() or not isinstance(given, dict):
        return grid
    own = registry.tables(model).optimizer
    missing = {k: v for k, v in own.items() if k not in given and f"optimizer.{k}" not in grid.axes}
    if not missing:
        return grid
    return grid.model_copy(update={"base": grid.base | {"optimizer": given | missing}})


def _check_variants(grid: GridSpec) -> None:
    """LandlabError where a cell cannot be a run, or two of them are the same: found here, not halfway through."""
    base = {k: v for k, v in grid.base.items() if (k, type(v)) != ("loss_weights", str)}  # a name: later
    one = {"seeds": 1, "setups": grid.predictor_sets[:1], "factorial": (), "base": base}
    one_of_each = grid.model_copy(update=one)
    seen: dict[str, dict[str, Any]] = {}
    for spec, variant in zip(one_of_each.expand("0" * 16), grid.variants, strict=True):
        twin = seen.setdefault(spec.run_id, variant)
        if twin is not variant:
            key = next(k for k in variant if variant[k] != twin[k])
            raise LandlabError(
                f"grid {grid.name}: axis `{key}`: {twin[key]!r} and {variant[key]!r} mean the same run; leave one out"
            )
