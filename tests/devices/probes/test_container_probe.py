"""Limits of a container: from recorded files of control groups v1 and v2, and in real ones that the test makes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.devices.probes.cgroup import cpu_quota, memory_limit
from latency_bench.devices.probes.container import ContainerProbe

sys.path.insert(0, str(Path(__file__).parents[1]))

from real_cgroup import UnavailableError, limited_group

MIB = 1 << 20
STAT_V2 = "anon 100\ninactive_file 52428800\nactive_file 7\n"
"""50 MiB of a cache that gives way."""
V1 = {
    "/proc/self/cgroup": "12:memory:/docker/4f\n4:cpu,cpuacct:/docker/4f\n1:name=systemd:/docker/4f\n0::/x.slice\n",
    "/sys/fs/cgroup/memory/docker/4f/memory.limit_in_bytes": f"{400 * MIB}\n",
    "/sys/fs/cgroup/memory/docker/4f/memory.usage_in_bytes": f"{200 * MIB}\n",
    "/sys/fs/cgroup/memory/docker/4f/memory.stat": "cache 9\ntotal_inactive_file 52428800\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/4f/cpu.cfs_quota_us": "30000\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/4f/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/docker/4f/cpu.stat": "nr_periods 60\nnr_throttled 45\nthrottled_time 3150000000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
}
V2 = {
    "/proc/self/cgroup": "0::/user.slice/run.scope\n",
    "/sys/fs/cgroup/user.slice/run.scope/memory.max": f"{400 * MIB}\n",
    "/sys/fs/cgroup/user.slice/run.scope/memory.current": f"{200 * MIB}\n",
    "/sys/fs/cgroup/user.slice/run.scope/memory.stat": STAT_V2,
    "/sys/fs/cgroup/user.slice/run.scope/cpu.max": "30000 100000\n",
    "/sys/fs/cgroup/user.slice/run.scope/cpu.stat": (
        "usage_usec 1800000\nuser_usec 1700000\nnr_periods 60\nnr_throttled 45\nthrottled_usec 3150000\n"
    ),
    "/sys/fs/cgroup/user.slice/memory.max": "max\n",
    "/sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
}


def moved(files: dict[str, str], path: str, to: str) -> dict[str, str]:
    """The same limits where they are mounted in another place, instead of what was there."""
    return {name.replace(path, to): text for name, text in reversed(files.items())}


IN_A_NAMESPACE = {**moved(V2, "/user.slice/run.scope", ""), "/proc/self/cgroup": "0::/\n"}
HOST_PATH_IN_A_CONTAINER = {**moved(V1, "/docker/4f", ""), "/proc/self/cgroup": V1["/proc/self/cgroup"]}
OUTSIDE_THE_NAMESPACE = {**moved(V2, "/user.slice/run.scope", ""), "/proc/self/cgroup": "0::/../../other\n"}
LIMIT_ABOVE = {**moved(V2, "/user.slice/run.scope", "/user.slice"), "/proc/self/cgroup": "0::/user.slice/run.scope\n"}
HYBRID = {
    **moved(V2, "/sys/fs/cgroup/", "/sys/fs/cgroup/unified/"),
    "/proc/self/cgroup": "3:pids:/x\n0::/user.slice/run.scope\n",
}


@pytest.mark.parametrize(
    "files",
    [V1, V2, IN_A_NAMESPACE, HOST_PATH_IN_A_CONTAINER, OUTSIDE_THE_NAMESPACE, LIMIT_ABOVE, HYBRID],
    ids=["v1", "v2", "namespace", "host path", "outside", "above", "hybrid"],
)
def test_limits_are_read(files):
    memory, quota = memory_limit(files.get), cpu_quota(files.get)
    assert (memory.limit_bytes, memory.available_bytes) == (400 * MIB, 250 * MIB)
    assert (quota.cores, quota.periods, quota.stopped_periods, quota.stopped_s) == (0.3, 60, 45, 3.15)


def test_the_tightest_group_on_the_way_up_is_in_force():
    files = {
        **V2,
        "/sys/fs/cgroup/user.slice/memory.max": str(300 * MIB),
        "/sys/fs/cgroup/user.slice/memory.current": str(290 * MIB),
        "/sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
    }
    assert memory_limit(files.get).available_bytes == 10 * MIB
    assert cpu_quota(files.get).cores == 0.3


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"/proc/self/cgroup": "0::/\n"},
        {"/proc/self/cgroup": "nonsense"},
        {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max", "/sys/fs/cgroup/cpu.max": "max 100000"},
        {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "١٢", "/sys/fs/cgroup/cpu.max": "1 0"},
        {"/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"},
    ],
)
def test_what_is_not_limited_has_none(files):
    assert memory_limit(files.get) is None
    assert cpu_quota(files.get) is None


@given(own=st.text(st.sampled_from("0:/.\n,mecpuory1x"), max_size=60), text=st.text(max_size=30))
def test_files_of_any_content_are_read(own, text):
    def read(path):
        return own if path.startswith("/proc") else text

    memory_limit(read)
    cpu_quota(read)


class Files:
    """A transport of files alone."""

    def __init__(self, files):
        self.files, self.asked = dict(files), []

    def read_text(self, path):
        self.asked.append(path)
        return self.files.get(path)


def test_the_probe_of_a_limited_container():
    transport, probe = Files(V2), ContainerProbe()
    facts = probe.fingerprint(transport)
    assert facts == {"memory_limit_bytes": 400 * MIB, "cpu_quota_cores": 0.3}
    assert dict(ContainerProbe.conditions(facts, {}).system) == {"memory limit": "0.4 GB", "CPU quota in cores": 0.3}
    readings = {reading.quantity: (reading.value, reading.unit) for reading in probe.read(transport)}
    assert readings == {
        "memory_available": (250 * MIB, "bytes"),
        "quota_periods": (60, "periods"),
        "quota_periods_stopped": (45, "periods"),
        "quota_stopped_time": (3.15, "s"),
    }
    (check,) = probe.checks(transport, {})
    assert (check.status, check.found) == ("warning", "a quota lets it have 0.3 cores")
    assert "--cpus" in check.remedy


def test_where_nothing_is_limited_nothing_is_read_while_measuring():
    transport, probe = Files({"/proc/self/cgroup": "0::/\n"}), ContainerProbe()
    assert probe.fingerprint(transport) == {}
    assert probe.read(transport) == []
    transport.asked.clear()
    assert probe.read(transport) == []
    assert transport.asked == []
    assert list(probe.checks(transport, {})) == []


@pytest.fixture
def group(request) -> Iterator:
    try:
        with limited_group(**request.param) as made:
            yield made
    except UnavailableError as error:
        pytest.skip(f"no control group can be made here: {error}")


@pytest.mark.parametrize("group", [{"memory_bytes": 400_000_000}], indirect=True)
def test_doctor_in_a_real_container_tells_what_it_has(group, tmp_path):
    done = group.python("-m", "latency_bench", "devices", "doctor", "local", "--json", env={"HOME": str(tmp_path)})
    checks = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert "of 0.4 GB available in its container" in checks["memory"]["found"]
    assert checks["memory"]["status"] == "warning"
    assert "memory limit" in checks["memory"]["remedy"]


MEMORY_OF_THE_HOST = """
from latency_bench.devices.host_memory import available_bytes, total_bytes
print(available_bytes(), total_bytes())
"""


@pytest.mark.parametrize("group", [{"memory_bytes": 300_000_000}], indirect=True)
def test_estimates_are_held_against_the_real_limit(group):
    available, total = map(int, group.python("-c", MEMORY_OF_THE_HOST).stdout.split())
    assert available < total
    assert total == pytest.approx(300_000_000, rel=0.01)


STOPPED_BY_A_QUOTA = """
import json, time
from latency_bench.devices.device import Device
from latency_bench.devices.opening import open_device
from latency_bench.devices.probes.observed import ObservedRound, ObservedRun
from latency_bench.devices.probes.container import ContainerProbe

def stopped(readings):
    return sum(one.value for one in readings if one.quantity == "quota_periods_stopped")

with open_device(Device(name="here", probes=("container",))) as session:
    facts = session.fingerprint()["container"]
    readings = session.read()
    while True:
        began = time.process_time()
        while time.process_time() - began < 0.3:
            pass
        last = session.read()
        # The imports before the first reading may have been stopped as well.
        if stopped(last) > stopped(readings) + 3:
            break
flags = ContainerProbe.flags(ObservedRun([ObservedRound({}, {}, {}, [*readings, *last])], facts))
print(json.dumps([facts, [[flag.name, flag.text] for flag in flags]]))
"""


@pytest.mark.parametrize("group", [{"cores": 0.3}], indirect=True)
def test_a_real_quota_that_stops_the_worker_is_seen(group):
    done = group.python("-c", STOPPED_BY_A_QUOTA)
    facts, flags = json.loads(done.stdout)
    assert facts == {"cpu_quota_cores": 0.3}
    ((name, text),) = flags
    assert name == "cpu_quota"
    assert "CPU quota of 0.3 cores stopped it in" in text
