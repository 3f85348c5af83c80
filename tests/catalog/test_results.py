"""Analyses with their evidence, ensembles that never change, and studies with the runs of their trials."""

import math
from dataclasses import replace

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from landlab_mgr.catalog import AnalysisRecord, Catalog, MemberRecord, MetricRecord
from landlab_mgr.catalog.tables import AnalysisRun, Ensemble, Event, Member, Metric, StudyTrial
from landlab_mgr.errors import LandlabError

from .sample import claim

OPTIONS = {"split": "dev", "ünits": None, "levels": [1, 0.1], "big": 2**62}
SKILL = AnalysisRecord(
    "ab" * 8, "skill", OPTIONS, "seed = 0", "analyses/ab", "c" * 64, 2**62, {"jax": "0.10"}
)


@pytest.fixture
def ids(runs):
    return [spec.run_id for spec in runs]


@pytest.fixture
def scored(catalog, ids):
    """The first two runs completed, with the same odd metrics, written in one order and the other."""
    for order in (1, -1):
        values = (math.nan, math.inf, -0.0, 0.1)
        metrics = [MetricRecord("dev", "gpp", f"s{i}", "flat", value) for i, value in enumerate(values)]
        metrics.append(MetricRecord("test", "gpp", "s0", "flat", 1.0))
        catalog.finish(claim(catalog).token, metrics[::order])
    return catalog


def change(catalog, **values):
    """Write one metric of the first run past the verbs."""
    with catalog.transaction(write=True) as tx:
        run_id = catalog.runs(limit=1)["run_id"][0]
        place = Metric.run_id == run_id, Metric.split == values.pop("split"), Metric.statistic == "s0"
        tx.execute(update(Metric).where(*place).values(**values))


def test_evidence_holds_as_long_as_the_metrics_do(scored, ids):
    before = scored.evidence([*ids[:3], "nobody"])
    assert list(before) == ids[:3]
    assert before[ids[0]] == before[ids[1]] != before[ids[2]]
    # the same on both engines, and tomorrow
    assert before[ids[0]] == "de23998c4065e6fbd44442245907ec0ae9aceb6f755f7d9808169ffcf2fbf8c5"
    change(scored, split="test", value=2.0)
    assert scored.evidence(ids[:3]) == before
    assert scored.evidence(ids[:1], ["test"]) != scored.evidence(ids[1:2], ["test"])
    change(scored, split="dev", value=0.0, kind="-0")
    after = scored.evidence(ids[:2])
    assert after[ids[0]] != before[ids[0]]
    assert after[ids[1]] == before[ids[1]]


def test_an_analysis_comes_back_as_it_was_recorded(scored, ids):
    scored.record_analysis(SKILL, evidence := scored.evidence(ids[:2]))
    (found,) = scored.analyses()
    assert replace(found, created=None) == SKILL
    assert scored.analysis("abab") == found == scored.analyses("skill")[0]
    assert scored.analyses("curve") == []
    assert scored.evidence_of(SKILL.id) == evidence


def test_recording_an_analysis_again_moves_its_file(scored, ids):
    scored.record_analysis(SKILL, dict.fromkeys(ids[:2], "old"))
    (first,) = scored.analyses()
    again = replace(SKILL, path="elsewhere", sha256="d" * 64, bytes=7)
    scored.record_analysis(again, scored.evidence(ids[:2]))
    (found,) = scored.analyses()
    assert found == replace(again, created=first.created)
    assert scored.evidence_of(SKILL.id) == scored.evidence(ids[:2])
    for other, runs in [(replace(SKILL, name="curve"), ids[:2]), (SKILL, ids[:1]), (SKILL, ids[:3])]:
        with pytest.raises(LandlabError, match=r"catalogued as another skill.*must be the hash"):
            scored.record_analysis(other, dict.fromkeys(runs, "e"))
    assert scored.analyses() == [found]


def test_an_analysis_of_nobody_and_options_that_are_no_json(scored, ids):
    with pytest.raises(LandlabError, match="no run 'nobody'; nothing was changed"):
        scored.record_analysis(SKILL, {ids[0]: "e", "nobody": "e"})
    with pytest.raises(LandlabError, match="cannot be stored as JSON"):
        scored.record_analysis(replace(SKILL, options={"x": math.nan}), {ids[0]: "e"})
    assert scored.analyses() == []
    for wanted, says in [("zz", "'zz' is the id of no analysis"), ("", "'' is the id of no analysis")]:
        with pytest.raises(LandlabError, match=says):
            scored.analysis(wanted)
    for first in "12":
        scored.record_analysis(replace(SKILL, id="ab" + first * 14), {ids[0]: "e"})
    with pytest.raises(LandlabError, match=r"'ab' starts several ids; ab1+ \(skill\), ab2"):
        scored.analysis("ab")


MEMBERS = ((1, 0.5, None), (2, -0.0, None), (3, math.nan, "no 'skill'"), (4, -math.inf, "thrice as bad"))


def test_an_ensemble_keeps_ranks_scores_and_reasons(catalog, ids):
    members = [MemberRecord(run_id, *rest) for run_id, rest in zip(ids, MEMBERS, strict=False)]
    made = catalog.create_ensemble("bést", {"keep": 2}, "seed = 0", members[::-1])
    found = catalog.ensemble("bést")
    assert repr(found) == repr(made)  # which tells nan and -0.0
    assert [m.rank for m in found.members] == [1, 2, 3, 4]
    assert [m.kept for m in found.members] == [True, True, False, False]
    assert catalog.ensembles() != []


def test_an_ensemble_never_changes(catalog, ids):
    made = catalog.create_ensemble("best", {}, "", [MemberRecord(ids[0], 1, 1.0)])
    for members in ([MemberRecord(ids[1], 1, 1.0)], [MemberRecord(ids[0], 1, 1.0)]):
        with pytest.raises(LandlabError, match="there is an ensemble 'best', and none changes"):
            catalog.create_ensemble("best", {}, "", members)
    assert catalog.ensembles() == [made]
    assert catalog.create_ensemble("other", {}, "", made.members).id != made.id


def test_ensembles_that_are_refused(catalog, ids):
    one = MemberRecord(ids[0], 1, 1.0)
    for members, says in [
        ([one, one], "a run is a candidate twice"),
        ([replace(one, reason="bad")], "keeps none of 1 candidates"),
        ([one, MemberRecord("nobody", 2, 1.0)], "no run 'nobody'"),
    ]:
        with pytest.raises(LandlabError, match=says):
            catalog.create_ensemble("best", {}, "", members)
    with pytest.raises(LandlabError, match="needs a name"):
        catalog.create_ensemble(" ", {}, "", [one])
    with pytest.raises(LandlabError, match="no ensemble 'best'; there is: none"):
        catalog.ensemble("best")


def test_studies_and_their_trials(catalog, ids):
    catalog.register_study("tune", {"trials": 2**62})
    catalog.register_study("tune", {"trials": 2**62})
    with pytest.raises(LandlabError, match="another specification"):
        catalog.register_study("tune", {"trials": 2})
    catalog.link_trial("tune", 1, ids[:2])
    catalog.link_trial("tune", 1, ids[1:3])
    catalog.link_trial("tune", 0, ids[:1])
    (study,) = catalog.studies()
    assert (study.name, study.spec) == ("tune", {"trials": 2**62})
    assert study.trials == {0: (ids[0],), 1: tuple(sorted(ids[:3]))}
    with pytest.raises(LandlabError, match="no study 'typo'; registered: tune"):
        catalog.link_trial("typo", 0, ids)
    with pytest.raises(LandlabError, match="no run 'nobody'"):
        catalog.link_trial("tune", 0, ["nobody"])


KEPT = {"rank": 1, "score": 1.0, "score_kind": "finite", "kept": True, "reason": None}


@pytest.mark.parametrize(
    ("table", "row", "constraint"),
    [
        (Member, KEPT | {"kept": False}, "ck_member_reason"),
        (Member, KEPT | {"reason": "dropped"}, "ck_member_reason"),
        (Member, KEPT | {"score": None}, "ck_member_score_pair"),
        (Member, KEPT | {"ensemble_id": "nobody"}, "FOREIGN KEY|fk_member_ensemble_id"),
        (AnalysisRun, {"analysis_id": "nobody", "evidence": "e"}, "FOREIGN KEY|fk_analysis_run_analysis_id"),
        (StudyTrial, {"study_id": 77, "trial": 0}, "FOREIGN KEY|fk_study_trial_study_id"),
        (Event, {"kind": "rumour", "detail": {}}, "ck_event_kind"),
        (Event, {"kind": "tagged", "detail": {}, "run_id": "nobody"}, "FOREIGN KEY|fk_event_run_id"),
    ],
)
def test_the_database_refuses(catalog: Catalog, ids, table, row, constraint):
    made = catalog.create_ensemble("e", {}, "", [MemberRecord(ids[0], 1, 1.0)])
    row = {"run_id": ids[1]} | row
    if table is Member:
        row = {"ensemble_id": made.id} | row
    if table is Event:
        row |= {"time": made.created}
    with pytest.raises(IntegrityError, match=constraint), catalog.transaction(write=True) as tx:
        tx.execute(insert(table).values(**row))


def test_nothing_can_be_deleted_from_under_a_result(catalog, ids):
    made = catalog.create_ensemble("e", {}, "", [MemberRecord(ids[0], 1, 1.0)])
    with pytest.raises(IntegrityError), catalog.transaction(write=True) as tx:
        tx.execute(Ensemble.__table__.delete().where(Ensemble.id == made.id))
