"""The filter grammar: what it finds, how it binds, and that no text can do harm."""

import contextlib
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from landlab_mgr.catalog import Catalog, GrammarError, MetricRecord
from landlab_mgr.catalog.filter import compile_filter
from landlab_mgr.catalog.tables import Run
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.spec.run import RunSpec

from .sample import DATASET, FINGERPRINT, claim

NAMES = "abcdefg"  # of the runs of `catalog`, in order of registration


@pytest.fixture(scope="module")
def catalog(databases):
    with databases() as url, Catalog(url) as catalog:
        yield catalog


@pytest.fixture(scope="module")
def found(catalog):
    """A catalog of seven runs, a..g, and a function from a filter to the names of those it holds for.

    a PFT, b CLIM, c PFT+CLIM with seed 0; d, e, f the same with seed 1 (all in grid g); g AGE, in no grid,
    with other weights, another water stress, two streams, a network of its own, 20 epochs and fold 2 of 4. a is
    completed with R2 0.9 (and r2 0.1), b with R2 0.5, c with R2 NaN, d failed, e is running; f and g are
    pending.
    """
    catalog.register_dataset(DATASET)
    grid = GridSpec(name="g", dataset="twin", factorial=("PFT", "CLIM"), seeds=2)
    other = RunSpec.model_validate(
        {
            "dataset": FINGERPRINT,
            "predictors": ["AGE"],
            "loss_weights": {"sif": 7.5},
            "process": {"water_stress": "nn_paw"},
            "streams": ["sif", "lai"],
            "network": {"hidden": [64, 8]},
            "optimizer": {"epochs": 20},
            "split": {"kind": "kfold", "folds": 4, "fold": 2},
            "seeds": {"init": 5, "split": 6, "shuffle": 7},
        }
    )
    specs = [*grid.expand(FINGERPRINT), other]
    catalog.register_runs(specs[:6], grid)
    catalog.register_runs([other])
    for value in (0.9, 0.5, math.nan):
        metrics = [
            MetricRecord("dev", "lai", "R2", "flat", value),
            MetricRecord("dev", "lai", "r2", "flat", 0.1),
        ]
        metrics.append(MetricRecord("test", "lai", "R2", "spatial", math.inf))
        catalog.finish(claim(catalog).token, metrics)
    catalog.fail(claim(catalog).token, "nan", "NaN")
    claim(catalog)
    names = {spec.run_id: name for spec, name in zip(specs, NAMES, strict=True)}

    def found(text):
        return "".join(names[run_id] for run_id in catalog.runs(text)["run_id"])

    found.catalog, found.ids = catalog, [spec.run_id for spec in specs]
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abcdefg"),
        ("  \n", "abcdefg"),
        ("status = 'completed'", "abc"),
        ('status != "completed"', "defg"),
        ("status in ('failed', 'running')", "de"),
        ("status not in ('failed','running','completed')", "fg"),
        ("status like '%ED'", "abcd"),
        ("outcome = 'nan'", "d"),
        ("state = 'failed' and grids = 'g'", "d"),
        ("label = 'PFT+CLIM'", "cf"),
        ("dev.lai.R2 > 0.8", "a"),
        ("DEV.lai.r2 < 0.2 and State = 'completed'", "abc"),
        ("outcome != 'nan'", "abcefg"),
        ("outcome in ('ok', 'nan')", "abcd"),
        ("predictors = 'PFT+CLIM'", "cf"),
        ("predictors in ('CLIM + PFT', 'AGE')", "cfg"),
        ("predictors like 'p%clim'", "cf"),
        ("predictors like '%x%'", ""),
        ("model = 'dalec' and warmup_months = 24", "abcdefg"),
        ("process.water_stress = 'linear'", "abcdef"),  # stored specifications omit defaults
        ("process.water_stress = 'nn_paw'", "g"),
        ("optimizer.epochs = 199", "abcdef"),
        ("optimizer.epochs < 100", "g"),
        ("optimizer.learning_rate in (0.0005, 1)", "abcdefg"),
        ("split.kind = 'patch'", "abcdef"),
        ("split.fold = 0", ""),
        ("split.fold = 2 and split.folds = 4", "g"),
        ("not split.fold = 0", "abcdefg"),
        ("split.fold != 2", "abcdef"),
        ("network.hidden = '32,32,32'", "abcdef"),
        ("network.hidden = '64, 8'", "g"),
        ("network.hidden like '64%'", "g"),
        ("network.hidden != '64,8'", "abcdef"),
        ("streams = 'sif,lai'", "g"),  # in the order in which they are kept
        ("streams like '%'", "g"),
        ("loss_weights.sif = 7.5", "g"),
        ("loss_weights.lai = 10", "abcdefg"),
        ("seeds.init = 5", "g"),
        ("setup.groups = 'PFT+CLIM'", "cf"),
        ("setup.groups = 'CLIM+PFT'", "cf"),
        ("setup.groups in ('CLIM+PFT', 'AGE')", "cfg"),
        ("setup.groups like '%PFT%'", "acdf"),
        ("setup.groups not like '%PFT%'", "beg"),
        ("setup.model = 'dalec'", "abcdefg"),
        ("setup.model != 'dalec'", ""),
        ("setup.process.water_stress = 'nn_paw'", "g"),
        ("setup.process.water_stress != 'nn_paw'", "abcdef"),
        ("grid = 'g'", "abcdef"),
        ("grid != 'g'", "g"),
        ("grid = 'h'", ""),
        ("dataset = 'twin'", "abcdefg"),
        ("dataset like '0123%'", "abcdefg"),
        ("dataset != 'twin'", ""),
        ("seed >= 1", "defg"),
        ("seed = 5.0", "g"),
        ("seed in (1, 5)", "defg"),
        ("seeds.split = 6 and seeds.shuffle = 7 and seeds.init = 5", "g"),
        ("weights.sif < 400", "g"),
        ("weights.sif = 400", "abcdef"),
        ("weights.lai = 10 AND weights.sif=7.5", "g"),
        ("metrics.dev.lai.R2 > 0.8", "a"),
        ("metrics.dev.lai.R2 > .4e0", "ab"),
        ("metrics.dev.lai.r2 < 0.2", "abc"),  # R2 and r2 differ
        ("metrics.dev.lai.R2.flat > 0.8", "a"),
        ("metrics.test.lai.R2.spatial > 1e300", "abc"),  # infinity is greater than any number
        ("metrics.dev.lai.R2.spatial > -1", ""),
        ("not metrics.dev.lai.R2 > 0.8", "bcdefg"),  # missing and NaN compare false
        ("metrics.dev.lai.R2 != 0.9", "bcdefg"),
        ("epochs = 0", "abcdefg"),
        ("epochs > 0", ""),
        ("created > '2020-01-01'", "abcdefg"),
        ("created < '2020-01-01T00:00:00+05:00'", ""),
        ("run = 'zz'", ""),
        # as people type it
        ("Status == 'completed'", "abc"),
        ("STATUS = 'failed' OR Optimizer.Epochs == 20", "dg"),
        ("Seed BETWEEN 1 and 5", "defg"),
        ("seed not between 1 and 5 and status = 'completed'", "abc"),
        ("created between '2020-01-01' and '2999-01-01'", "abcdefg"),
        ("metrics.DEV.lai.R2 between 0.5 and 0.9", "ab"),
        ("metrics.dev.lai.R2 is null", "cdefg"),  # missing or NaN
        ("metrics.dev.lai.R2 IS NOT NULL", "ab"),
        ("metrics.dev.lai.R2 = nan", "cdefg"),
        ("metrics.dev.lai.R2 != NaN", "ab"),
        ("split.fold is null", "abcdef"),
        ("tag is null and grid is null", "g"),
        ("streams is not null", "g"),
        # `and` binds tighter than `or`; `not` tighter than both
        ("seed = 5 or seed = 0 and setup.groups = 'PFT'", "ag"),
        ("(seed = 5 or seed = 0) and setup.groups = 'PFT'", "a"),
        ("setup.groups = 'PFT' and seed = 0 or seed = 5", "ag"),
        ("not seed = 0 and seed = 5", "g"),
        ("not (seed = 0 and seed = 5)", "abcdefg"),
        ("NOT not seed = 5", "g"),
        ("((seed = 5))", "g"),
        (
            "metrics.dev.lai.R2 > 0.8 and setup.groups = 'PFT' "
            "or status in ('failed','running') and not (seed >= 3)",
            "ade",
        ),
    ],
)
def test_what_a_filter_finds(found, text, expected):
    assert found(text) == expected
    assert sum(found.catalog.counts(text).values()) == len(expected)


def test_runs_by_prefix(found):
    for name, run_id in zip(NAMES, found.ids, strict=True):
        assert found(f"run = '{run_id}'") == found(f"run like '{run_id[:-1]}%'") == name
        assert name in found(f"run = '{run_id[:3]}'")
        assert found(f"run in ('{run_id}', '{found.ids[0]}')") == "".join(sorted({name, "a"}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("setup.groups = 'PFT+CLIMB'", "predictors: nothing has 'PFT+CLIMB'; did you mean PFT+CLIM"),
        ("metrics.dev.LAI.r2 > 0.5", "metrics.dev.LAI.r2: nothing has 'LAI'; did you mean lai?"),
        (
            "metrics.dev.lai.rsquared > 0.5",
            "metrics.dev.lai.rsquared: nothing has 'rsquared'; there is R2, r2",
        ),
        ("grid in ('G2', 'h')", "grid: nothing has 'G2'; did you mean g?|grid: nothing has 'h'; there is g"),
        ("tag = 'paper'", "tag: nothing has 'paper'; there is none"),
        ("dataset = 'twins'", "dataset: nothing has 'twins'; did you mean twin?"),
        ("split.kind == 'kfolt'", "split.kind: nothing has 'kfolt'; did you mean kfold?"),
        (
            "predictors = 'CLIM + PFT' and seed = 99 or status = 'cancelled'",
            "",
        ),  # each is a value that runs have
    ],
)
def test_values_that_nothing_has_are_named(found, text, says):
    assert found(text) == ""
    lines = found.catalog.unknown(text)
    assert len(lines) == len([x for x in says.split("|") if x])
    assert all(line.startswith(start) for line, start in zip(lines, says.split("|"), strict=False))


def test_pages(found):
    assert list(found.catalog.runs(limit=2, offset=3)["run_id"]) == found.ids[3:5]
    assert list(found.catalog.runs("seed = 1", offset=1)["run_id"]) == found.ids[4:6]


def test_limit_and_metrics_of(found):
    assert list(found.catalog.runs("seed = 0", limit=2)["run_id"]) == found.ids[:2]
    table = found.catalog.metrics_of("seed = 0", "dev", "lai", "R2")
    assert list(table.columns) == ["run_id", "dataset", "label", "seed", "value"]
    assert table["value"].fillna(-9).tolist() == [0.9, 0.5, -9]
    empty = found.catalog.runs("seed = 99")
    assert len(empty) == 0
    assert {"run_id", "state", "train_loss", "created"} <= set(empty.columns)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("run = ''", 7, "an empty text is the start of every run's id"),
        ("status in ('failed', null)", 22, "null is no value: write status is null"),
        ("seed > nan", 6, "nothing is less or more than nan: write seed is null"),
        ("status between 'a' and 'b'", 1, "status is no number and no date"),
        ("seed", 5, "the filter ends; expected = != < <= > >=, between, in, is, like, not;"),
        ("seed =", 7, "the filter ends; expected a number, null, text in quotes;"),
        ("status = failed", 10, "found 'failed'; expected a number, null, text in quotes;"),
        ("status = 'failed", 10, 'found "\'"'),
        ("seed = 1 seed = 2", 10, "found 'seed'; expected and, or, the end;"),
        ("(seed = 1", 10, "the filter ends"),
        ("seed = 1)", 9, "found ')'"),
        ("seed in ()", 10, "found ')'"),
        ("sede = 1", 1, "unknown field 'sede'; did you mean seed?"),
        ("colour = 1", 1, "unknown field 'colour'; known: run, status"),
        ("seed = 1 or setup = 'PFT'", 13, "unknown field 'setup'"),
        ("seed = 1 or split.fld = 0", 13, "unknown field 'split.fld'; did you mean split.fold"),
        ("split = 'kfold'", 1, "unknown field 'split'; split has split.kind, split.dev_fraction, "),
        ("fold = 0", 1, "unknown field 'fold'; did you mean split.fold?"),
        ("optimizer.fold = 0", 1, "unknown field 'optimizer.fold'; optimizer has optimizer.learning_rate"),
        ("metrics.dev.lai > 1", 1, "unknown field 'metrics.dev.lai'; write metrics.<split>.<variable>"),
        ("network.hidden = 32", 18, "network.hidden compares with its items in quotes"),
        ("network.hidden > '32'", 16, "network.hidden is a list: compare it with =, !=, in or like"),
        ("network.hidden = '32,wide'", 18, "'32,wide' is no value of network.hidden: "),
        ("split.fold like '1%'", 1, "split.fold is a number: `like` is for text"),
        ("seed = 'one'", 8, "seed compares with a number, not 'one'"),
        ("grid = 3", 8, "grid compares with text in quotes, not 3"),
        ("status in ('failed', 3)", 22, "status compares with text"),
        ("status = 'runing'", 10, "'runing' is no status; they are pending, running"),
        ("grid > 'a'", 6, "grid is text: compare it with"),
        ("seed like '1%'", 1, "seed is a number: `like` is for text"),
        ("seed like 1", 11, "found '1'; expected text in quotes;"),
        ("created > 'yesterday'", 11, "'yesterday' is no date"),
        ("created > 3", 11, "created compares with a date in quotes"),
        ("weights.siff > 3", 1, "unknown field 'weights.siff'; did you mean loss_weights.sif"),
        (
            "setup.process.fire = 'x'",
            1,
            "unknown field 'setup.process.fire'; process has process.water_stress",
        ),
        ("seed = 1; drop table run", 9, "found ';'"),
        ("grid = 'a\0b'", 10, "character '\\x00' is not allowed"),
        ("grid = '\ud800'", 9, "is not allowed"),
        ("not " * 60 + "seed = 1", 165, "nested at most 40 deep"),
        ("(" * 3990 + "x", 3992, "the filter ends"),
        ("seed=1or " * 300 + "seed=1", 1, "at most 200 comparisons"),
        ("seed = 1" + " " * 5000 + "and", 4001, "at most 4000 characters"),
    ],
)
def test_errors_point_at_the_place(found, text, column, message):
    with pytest.raises(GrammarError) as error:
        found(text)
    first, shown, caret = str(error.value).split("\n")
    assert first.startswith(f"filter, column {column}: ")
    assert message in first
    if column <= len(text) and text[column - 1].isprintable():
        assert shown[caret.index("^")] == text[column - 1]


def test_the_largest_filter_that_is_allowed_works(found):
    assert found(" or ".join(["seed=5"] * 200)) == "g"
    assert found("not " * 40 + "seed = 5") == "g"
    assert found("(" * 1900 + "seed = 5" + ")" * 1900) == "g"


HOSTILE = [
    "'; DROP TABLE run; --",
    "x' OR '1'='1",
    "%' OR 1=1 --",
    'x"; DELETE FROM grid',
    "\\",
    "''",
    "); --",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_a_value(found, text):
    quoted = "'" + text.replace("'", "''") + "'"
    for filter in (f"grid = {quoted}", f"grid like {quoted}", f"run in ({quoted})", f"dataset = {quoted}"):
        assert found(filter) == ""
    sql = str(
        Run.__table__.select().where(compile_filter(f"grid = {quoted}")).compile(dialect=sqlite.dialect())
    )
    assert text not in sql


@pytest.mark.parametrize(
    "text", ["x' or '1'='1", "metrics.dev.a'b.R2.x = 1", "seed = 1 union select 1", "a.b/**/=1"]
)
def test_hostile_filters_are_refused(found, text):
    with pytest.raises(GrammarError):
        found(text)


TEXTS = st.sampled_from(["'x''y'", "'%'", '"a"', "'twin'", "'PFT'", "''", "'\\'"])
NUMBERS = st.sampled_from(["1", "-2.5e3", "1e999", "9" * 30, ".5", "0."])
TEXT_FIELDS = [
    "run",
    "grid",
    "ensemble",
    "dataset",
    "setup.groups",
    "setup.model",
    "setup.process.water_stress",
    "predictors",
    "streams",
    "split.kind",
    "split.months",
]
NUMBER_FIELDS = [
    "seed",
    "epochs",
    "weights.sif",
    "split.fold",
    "optimizer.epochs",
    "metrics.dev.lai.R2",
    "metrics.test.lai.R2.spatial",
]
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(TEXT_FIELDS), st.sampled_from(["=", "!=", " like ", " not like "]), TEXTS),
    st.tuples(st.sampled_from(NUMBER_FIELDS), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), NUMBERS),
    st.tuples(st.sampled_from(NUMBER_FIELDS), st.just(" in ("), NUMBERS, st.just(")")),
).map("".join)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map("".join),
        inner.map("({})".format),
    ),
    max_leaves=6,
)
SCRAPS = st.sampled_from(
    ["and", "or", "not", "in", "(", ")", ",", "seed", "=", "like", "1", "'a'", "<", "status"]
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True)
@given(FILTERS)
def test_a_filter_and_its_negation_share_out_the_runs(found, text):
    assert "".join(sorted(found(text) + found(f"not ({text})"))) == NAMES


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.lists(SCRAPS, max_size=8).map(" ".join), st.text()))
def test_any_text_gives_rows_or_an_error(found, text):
    with contextlib.suppress(GrammarError):
        assert set(found(text)) <= set(NAMES)


GOOD = (
    "metrics.dev.lai.R2 > 0.8 and setup.groups = 'PFT+CLIM' or status in ('failed','running')",
    "not (seed >= 3 and weights.sif != 400) or grid like '%g%'",
    "created > '2020-01-01' and run like '0%' and epochs in (0, 1, 2)",
    "setup.process.water_stress not in ('nn_paw', \"linear\") or dataset = 'twin'",
)
CHARACTERS = " \t\n\r\0\x1f\x7f'\"%_\\;-+*/(),.=<>!0123456789eEaAßé漢\ud800\udfff\u2028😀"


def random_text(rng):
    """Noise, words of the grammar in any order, or a filter with a few characters or pieces changed."""
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(rng.choices(CHARACTERS, k=rng.randrange(40)))
    if kind == 1:
        words = (
            *" ".join(GOOD).split(),
            "and",
            "or",
            "not",
            "(",
            ")",
            "seed",
            "=",
            "1e400",
            "-9999999999999999999",
        )
        return " ".join(rng.choices(words, k=rng.randrange(12)))
    text = rng.choice(GOOD)
    for _ in range(rng.randrange(1, 4)):
        place, length = rng.randrange(len(text) + 1), rng.randrange(3)
        new = rng.choice(CHARACTERS) if kind == 2 else rng.choice(("", "not ", "9", "x", "'", "-", "e"))
        text = text[:place] + new + text[place + length :]
    return text


@pytest.mark.parametrize(
    "text", ["grid = ''", "tag in ('', '')", "tag = ''", "dataset = ''", "dataset = '' or status = 'failed'"]
)
def test_an_empty_value_matches_nothing(found, text):
    """A shell that knows no such variable leaves it."""
    assert found(text) == ("d" if "failed" in text else "")


@pytest.mark.slow
def test_ten_thousand_random_texts_give_rows_or_a_grammar_error(found):
    rng = random.Random(0)
    outcomes = {"rows": 0, "error": 0}
    for _ in range(10_000):
        text = random_text(rng)
        try:
            condition = compile_filter(text)
        except GrammarError:
            outcomes["error"] += 1
            continue
        with found.catalog.transaction() as tx:
            tx.execute(select(Run.run_id).where(condition)).all()
        outcomes["rows"] += 1
    assert min(outcomes.values()) > 500  # neither half of the promise is idle
    assert found("") == NAMES
