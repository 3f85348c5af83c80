"""How Ray starts on this machine: again where it was too late, heard by nobody else, and one line where it cannot."""

import os
import subprocess
import sys

import psutil
import pytest

from landlab_mgr.campaign import cluster
from landlab_mgr.campaign.cluster import RayExecutor
from landlab_mgr.errors import LandlabError
from landlab_mgr.spec.run import PolicySpec

LATE = "The current node timed out during startup. This could happen because the raylet failed to startup\n or ..."


@pytest.fixture
def late(monkeypatch):
    """Ray's start, which is too late so many times and then as it is; the calls."""
    calls, init = [], cluster.ray.init
    monkeypatch.setattr(cluster, "RAY_PAUSE_SECONDS", 0.0)

    def make(times):
        def start(*arguments, **options):
            calls.append(arguments)
            if len(calls) <= times:
                raise Exception(LATE)
            return init(*arguments, **options)

        monkeypatch.setattr(cluster.ray, "init", start)
        return calls

    return make


@pytest.mark.slow
def test_a_start_that_is_late_is_tried_again_and_listens_on_loopback_alone(late, capsys):
    calls = late(2)
    executor = RayExecutor(1, PolicySpec())
    try:
        assert len(calls) == 3
        said = capsys.readouterr().err.splitlines()
        assert [line.partition("; ")[2] for line in said] == ["attempt 2 of 4", "attempt 3 of 4"]
        assert "Ray did not start in time (load" in said[0]
        me = psutil.Process()
        ours = {p.pid for p in me.children(recursive=True)} | {me.pid}
        listening = {c.laddr.ip for c in psutil.net_connections() if c.status == "LISTEN" and c.pid in ours}
        assert listening
        assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    finally:
        executor.close()


def test_a_machine_that_stays_too_busy_is_one_line(late):
    calls = late(9)
    with pytest.raises(LandlabError, match=r"timed out during startup.*--executor local") as caught:
        RayExecutor(1, PolicySpec())
    assert len(calls) == cluster.RAY_ATTEMPTS
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "address"),
    [({"TMPDIR": "/proc"}, None), ({"TMPDIR": "/tmp/" + "x" * 120}, None), ({"RAY_ADDRESS": "auto"}, "auto")],
)
def test_what_cannot_start_is_one_line(environment, address):
    program = (
        "from landlab_mgr.campaign.cluster import RayExecutor\n"
        "from landlab_mgr.errors import LandlabError\n"
        "from landlab_mgr.spec.run import PolicySpec\n"
        f"try: RayExecutor(1, PolicySpec(), {address!r})\n"
        "except LandlabError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True
    )
    [line] = done.stdout.splitlines()
    assert line.startswith("no Ray cluster ")
    assert "Traceback" not in done.stderr
