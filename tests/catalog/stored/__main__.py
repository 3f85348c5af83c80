"""Writes a catalog at the code's revision that holds every state, outcome and odd value, from both engines."""

import math
import re
import sqlite3
import subprocess
from dataclasses import replace

from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from landlab_mgr.catalog import AnalysisRecord, Catalog, DatasetRecord, Environment, MemberRecord
from landlab_mgr.spec.grid import GridSpec
from landlab_mgr.storage.resources import resource
from tests.bench.catalog import temporary_catalog
from tests.catalog.sample import CHECKPOINT, DATASET, FINGERPRINT, claim, epoch, metric
from tests.catalog.stored import path

ODD = (math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 0.1)
REAL = DatasetRecord("fedcba9876543210", "türme-塔", "s3://k:p@b/x", "real", 164, 90, 168, "O'Brien", "CC BY")


def fill(catalog):
    catalog.register_dataset(DATASET)
    catalog.register_dataset(REAL)
    catalog.register_dataset(replace(REAL, name="other name"))
    base = {"loss_weights": {"lai": 40}, "process": {"water_stress": "nn_paw"}}
    grid = GridSpec(name="g", dataset="twin", factorial=("PFT", "CLIM"), seeds=(0, 2**31 - 1), base=base)
    catalog.register_runs(grid.expand(FINGERPRINT), grid)
    other = grid.model_copy(update={"name": "h", "seeds": 1})
    catalog.register_runs(other.expand(FINGERPRINT), other)
    environment = Environment("abc", "d" * 16, {"jax": "0.10.2"}, "cpu", "1 lane, β")
    done = claim(catalog, environment=environment)
    for number, value in enumerate(ODD, start=1):
        catalog.record(done.token, [epoch(number, total=value, dev=-value, sif=value, lai=1.0)], CHECKPOINT)
    catalog.finish(done.token, [metric(value, statistic=f"s{i}") for i, value in enumerate(ODD)])
    for outcome in ("nan", "oom", "lost"):
        failed = claim(catalog, environment=environment)
        catalog.fail(failed.token, outcome, "it's 'quoted'; -- not a comment", 'Traceback\n  "…"\n')
    catalog.cancel([claim(catalog).run_id])
    catalog.record(claim(catalog).token, [epoch(1)], CHECKPOINT)  # one goes on
    catalog.tag([done.run_id], "paper")
    fill_results(catalog, done.run_id, failed.run_id)


def fill_results(catalog, done, dropped):
    options = {"split": "dev", "ünits": None, "levels": [1, 0.1]}
    computed = AnalysisRecord(
        "a" * 16, "skill", options, "tag = 'paper'", "a/skill", "b" * 64, 2**40, {"jax": "0.10.2"}
    )
    catalog.record_analysis(computed, catalog.evidence([done]))
    members = [MemberRecord(done, 1, -0.0), MemberRecord(dropped, 2, math.nan, "no skill: 'NaN'")]
    catalog.create_ensemble("bést", {"keep": 1}, "", members)
    catalog.register_study("tune", {"trials": 2})
    catalog.link_trial("tune", 0, [done, dropped])
    catalog.name_weights("tuned", {"lai": 655.496, "som": 3e-06}, "tune", 0)


def main():
    revision = ScriptDirectory(str(resource("migrations"))).get_current_head()
    for engine in ("sqlite", "postgresql"):
        with temporary_catalog(engine) as url:
            with Catalog(url) as catalog:
                fill(catalog)
            if engine == "sqlite":
                with sqlite3.connect(url) as connection:
                    text = "\n".join(connection.iterdump()) + "\n"
                text = re.sub(r"(?<=[(,])(-?)Inf(?=[,)])", r"\g<1>9e999", text)  # what SQLite reads again
            else:
                address = make_url(url)
                dump = ["pg_dump", "--inserts", "--no-owner", "--no-comments", "-U", "landlab"]
                dump += ["-h", address.query["host"], address.database]
                text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
                lines = (line for line in text.splitlines() if line and not line.startswith(("--", "\\")))
                text = "\n".join(lines) + "\n"  # without psql's own commands
        path(revision, engine).write_text(text)
        print(path(revision, engine))


if __name__ == "__main__":
    main()
