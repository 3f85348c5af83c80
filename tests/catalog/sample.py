"""A dataset, short forms of records, and what the other processes of a test do; quick to import in those."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from landlab_mgr.catalog import ArtifactRecord, Catalog, DatasetRecord, EpochRecord, MetricRecord
from landlab_mgr.catalog.tables import Attempt

FINGERPRINT = "0123456789abcdef"
DATASET = DatasetRecord(FINGERPRINT, "twin", "data/twin.zarr", "synthetic", 320, 12, 168, "landlab", "MIT")
CHECKPOINT = ArtifactRecord("checkpoint", "runs/r/t/checkpoint.msgpack", "a" * 64, 2**40)


def claim(catalog, **options):
    return catalog.claim("host", 1, directory_of=lambda run_id, token: f"runs/{run_id}/{token}", **options)


def epoch(number, total=1.0, dev=2.0, **terms):
    return EpochRecord(number, total, dev, terms, 0.5)


def metric(value, statistic="R2", variable="gpp"):
    return MetricRecord("dev", variable, statistic, "flat", value)


def age(catalog, token, seconds):
    """Let time pass without a sign of an attempt: for the server, and in the watch that a catalog keeps."""
    attempt = select(Attempt.id, Attempt.heartbeat).where(Attempt.token == token)
    if catalog.url.startswith("postgresql"):
        with catalog.transaction(write=True) as tx:
            beat = tx.execute(attempt).one().heartbeat - timedelta(seconds=seconds)
            tx.execute(update(Attempt).where(Attempt.token == token).values(heartbeat=beat))
    catalog.undecided(seconds)
    with catalog.transaction() as tx:
        id = tx.execute(attempt).one().id
    if id in catalog._watch._signs:
        beat, since, watched = catalog._watch._signs[id]
        catalog._watch._signs[id] = (beat, since - seconds, watched)


def work(url):
    """Claim, record and finish until nothing is left; returns the runs that were ours."""
    mine = []
    with Catalog(url) as catalog:
        while (claimed := claim(catalog)) is not None:
            catalog.record(claimed.token, [epoch(0)], replace(CHECKPOINT, path=claimed.token))
            catalog.finish(claimed.token, [metric(0.5)])
            mine.append(claimed.run_id)
    return mine


def reclaim(url):
    with Catalog(url) as catalog:
        return catalog.reclaim(3600, lambda host, pid: True)


def create(url):
    Catalog.create(url).close()
    return Catalog.current(url)


def upgrade(url):
    Catalog.upgrade(url).close()
    return Catalog.current(url)
