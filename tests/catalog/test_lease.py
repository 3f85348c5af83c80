"""Whose run it is: machines that look alike, and clocks that are wrong; real processes, on both engines."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from landlab_mgr.catalog import lease

from .sample import claim

HOLDER = """
import sys, time
from landlab_mgr.catalog import Catalog, lease
with Catalog(sys.argv[1]) as catalog:
    claim = catalog.claim(lease.this_host(), 2**22 + 1, directory_of=lambda run_id, token: token)
    print(lease.this_host(), claim.run_id, flush=True)
    while not sys.stdin.read(1):
        catalog.heartbeat([claim.token])
"""
"""A driver whose process number is nobody's on other machines."""


def of_another_boot(tmp_path):
    """Start of a command that runs on a machine of the same name and process namespace, but of another boot."""
    other = tmp_path / "boot_id"
    other.write_text("00000000-0000-4000-8000-000000000000\n")
    return [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount --bind {other} /proc/sys/kernel/random/boot_id && exec "$@"',
        "sh",
    ]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_machines_of_the_same_name_leave_each_other_s_runs_alone(catalog, url, runs, tmp_path, elsewhere):
    program = [sys.executable, "-c", HOLDER, url]
    command = [*of_another_boot(tmp_path), *program] if elsewhere else program
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        host, run_id = holder.stdout.readline().split()
        assert host.partition(":")[0] == lease.this_host().partition(":")[0]
        reclaimed = catalog.reclaim(lease.LEASE_SECONDS, lease.driver_is_dead)
        holder.communicate("x", timeout=30)
    assert reclaimed == ([] if elsewhere else [run_id])  # here its number says that it is dead


def test_a_machine_without_a_boot_id_relies_on_leases(monkeypatch, tmp_path):
    monkeypatch.setattr(lease, "_BOOT", tmp_path / "none")
    lease._place.cache_clear()
    try:
        first = lease.this_host()
        lease._place.cache_clear()
        assert not lease.driver_is_dead(first, 2**22 + 1)
    finally:
        lease._place.cache_clear()


SHIFTED = """
import sys, time
from datetime import datetime, timedelta
from landlab_mgr.catalog import Catalog, lease
shift = timedelta(seconds=float(sys.argv[2]))
class Shifted(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + shift
for module in [m for name, m in sys.modules.items() if name.startswith("landlab_mgr.")]:
    if getattr(module, "datetime", None) is datetime:
        module.datetime = Shifted
"""
"""A process whose clock is so many seconds ahead."""
DRIVER = (
    SHIFTED
    + """
with Catalog(sys.argv[1]) as catalog:
    claim = catalog.claim("elsewhere", 1, directory_of=lambda run_id, token: token)
    print(claim.run_id, flush=True)
    end = time.monotonic() + float(sys.argv[3])
    while time.monotonic() < end:
        time.sleep(0.2)
        catalog.heartbeat([claim.token])
    print("alive" if catalog.heartbeat([claim.token]) else "lost its run", flush=True)
"""
)
"""Holds a run, with heartbeats for a while; then it is gone without a word."""
OBSERVER = (
    SHIFTED
    + """
with Catalog(sys.argv[1]) as catalog:
    end, reclaimed, undecided = time.monotonic() + float(sys.argv[3]), [], []
    while time.monotonic() < end and not reclaimed:
        reclaimed = catalog.reclaim(2.0)
        undecided.append(len(catalog.undecided(2.0)))
        time.sleep(0.2)
    print(reclaimed, undecided[0], undecided[-1])
"""
)


def process(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("driver", "observer"), [(0, 240), (0, -240), (240, 0), (-240, 0)])
def test_no_clock_takes_a_run_from_a_living_driver(url, catalog, runs, driver, observer):
    holder = process(DRIVER, url, driver, 9)
    run_id = holder.stdout.readline().strip()
    looked, _ = process(OBSERVER, url, observer, 3.5).communicate(timeout=60)
    said, _ = holder.communicate(timeout=60)
    assert said == "alive\n"
    assert looked.startswith("[] ")
    assert looked.endswith(" 0\n")  # it knows that the driver lives, and waits no longer for it
    # and gone, it is reclaimed whatever any clock says
    looked, _ = process(OBSERVER, url, observer, 20).communicate(timeout=60)
    assert looked.startswith(f"['{run_id}'] ")


def test_the_order_of_losses_and_retries_is_no_clock_s(catalog, runs, monkeypatch):
    """Somebody whose clock is ahead says retry: losses after that count, and those before do not."""
    run_id = runs[0].run_id

    def lose():
        taken = claim(catalog, run_ids=[run_id])
        return catalog.fail(taken.token, "lost", "gone", retries=1)

    assert [lose(), lose()] == ["pending", "failed"]
    for shift in (3600, -3600):
        with monkeypatch.context() as patch:
            patch.setattr("landlab_mgr.catalog.events.datetime", clock_ahead(shift))
            catalog.retry([run_id])
        assert [lose(), lose()] == ["pending", "failed"]


def clock_ahead(seconds):
    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Shifted
