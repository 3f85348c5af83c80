"""Statistical models of the fluxes: what weather and statics alone teach, without a process model. JAX-free."""

from landlab_mgr.models.options import LstmNetwork, NetworkOptions
from landlab_mgr.models.tables import Tables, compared
from landlab_mgr.observations.streams import STREAMS

TERMS = {s.name: compared(s, 1.0) for s in STREAMS.values() if (s.level, s.average) == ("pixel", "step")}
"""They learn what is observed step by step at pixels."""

LSTM = Tables(
    name="lstm",
    label="LSTM",
    version=3,
    opens=(2,),
    summary="a long short-term memory network, for all fluxes at once",
    implementation="landlab_mgr.models.lstm:MODEL",
    forcing=None,
    terms=TERMS,
    by_variance=True,
    network=LstmNetwork,
    ignores=("process", "optimizer.process_rate"),
    steps=("month", "day"),
    windows=True,
    title="Long short-term memory network",
    references="Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735",
)
BOOSTING = Tables(
    name="gradient_boosting",
    label="gradient boosting",
    summary="gradient boosting: a histogram-based model for each flux",
    implementation="landlab_mgr.training.boosting:MODEL",
    learner="boosting",
    forcing=None,
    terms=TERMS,
    by_variance=True,
    network=NetworkOptions,
    ignores=(
        "process",
        "network",
        "loss",
        "batch",
        "loss_weights",
        "optimizer.schedule",
        "optimizer.patches_per_batch",
        "optimizer.weight_decay",
        "optimizer.clip_norm",
        "optimizer.process_rate",
    ),
    optimizer={"learning_rate": 0.05, "epochs": 100},
    steps=("month", "day"),
    title="Gradient boosting",
    references="Friedman 2001, doi:10.1214/aos/1013203451",
)
