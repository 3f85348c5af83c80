"""Statistical models on the small planet: their specifications, and members fitted in memory."""

import itertools
from pathlib import Path

from landlab_mgr.data import batch, store
from landlab_mgr.models import registry
from landlab_mgr.observations.calendar import Calendar
from landlab_mgr.spec.run import RunSpec
from landlab_mgr.training import checkpoint, evaluate, train
from landlab_mgr.training.learner import Data, learner_of

WARMUP = 12
MODELS = {
    "gradient_boosting": {"learning_rate": 0.3, "epochs": 4},
    "lstm": {"learning_rate": 1e-2, "epochs": 4, "patches_per_batch": 2, "clip_norm": 1.0},
}
LEARNED = ("sif", "lai", "gpp", "reco", "et")
"""Variables that the planet observes monthly at pixels; `et` twice."""


def spec_of(ds, model, keep="last", **changes):
    base = {"predictors": ("PFT", "CLIM"), "warmup_months": WARMUP, "model": model}
    optimizer = MODELS.get(model, {}) | {"keep": keep}
    return RunSpec.model_validate({"dataset": store.fingerprint(ds), "optimizer": optimizer} | base | changes)


def lane(ds, spec, directory, resume=None):
    directory.mkdir(exist_ok=True, parents=True)
    return checkpoint.Lane(spec, batch.Member.of(spec, ds), directory, resume)


def fitted(ds, spec, directory, resume=None, groups=None):
    """Events of a member until its last epoch, or the first few; with gradients, one for each epoch."""
    lanes, calendar, model = [lane(ds, spec, directory, resume)], Calendar.of(ds), registry.model(spec.model)
    learner = learner_of(spec.model)
    if learner.gradients:
        events = train.train(lanes, batch.load(ds, model), calendar, checkpoint_seconds=0.0)
    else:
        events = learner.fit(lanes, Data(ds, calendar), None, lambda lane: False)
    return [event for _, event in itertools.islice(events, groups)]


def content_of(event):
    """The checkpoint of an event."""
    return checkpoint.load(Path(event.checkpoint.path))


def predicted(ds, spec, event):
    """Outputs [T, N] by variable of the member that an event left."""
    member = batch.Member.of(spec, ds)
    return evaluate.predict(spec, ds, member, content_of(event)["weights"]).series
