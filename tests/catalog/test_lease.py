"""Whose run it is: machines that look alike, and clocks that are wrong; real processes, on both engines."""

import subprocess
import sys

import pytest

from landlab_mgr.catalog import Catalog, lease

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
