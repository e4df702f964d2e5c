"""A board that nobody thought of, by one file of a third party: condition, throttle bit, check, setting, flag.

The package below is all that is written for a Raspberry Pi. Everything else has to follow from it.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from latency_bench.devices.errors import InventoryError
from latency_bench.devices.inventory import find_device
from latency_bench.devices.opening import open_device
from latency_bench.devices.parts import find_part
from latency_bench.devices.probe_conditions import conditions_by_probe, probe_conditions
from latency_bench.devices.probes.readings import FREQUENCY
from latency_bench.harness.cli.devices import devices
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.probe_verdicts import ask_probes
from latency_bench.harness.run_data import Round
from latency_bench.harness.store.record import parse_record
from latency_bench.harness.store.subject import ProbeConditions

SECOND = 10**9
EXAMPLE = parse_record((Path(__file__).parents[1] / "harness" / "store" / "examples" / "schema_1.json").read_bytes())
PACKAGE = '''
"""A Raspberry Pi, by vcgencmd's words in files."""

from pathlib import Path

from latency_bench.devices.checks import Check
from latency_bench.devices.probes.base import Probe
from latency_bench.devices.probes.conditions import Conditions
from latency_bench.devices.probes.observed import ProbeFlag, ThrottleEvidence
from latency_bench.devices.probes.readings import Quantity
from latency_bench.devices.tuning.base import Operation
from latency_bench.devices.tuning.setting import Setting

FOLDER = "{folder}"
BITS = Quantity("pi_throttle_bits", "bits", "What `vcgencmd get_throttled` gives.")
SLOWING = {{0x1: "undervoltage", 0x2: "frequency_capped", 0x4: "throttled", 0x8: "soft_temperature_limit"}}


def read(transport, name):
    return (transport.read_text(FOLDER + "/" + name) or "").strip()


class Boost(Operation):
    name = "boost"

    def __init__(self, level):
        self.level = level

    def available(self, transport):
        return None

    def show(self, transport):
        return read(transport, "boost")

    def apply(self, transport):
        transport.run(["sh", "-c", 'echo "$0" > "$1"', self.level, FOLDER + "/boost"])

    def restore(self, transport):
        return ["sh", "-c", 'echo "$0" > "$1"', self.show(transport), FOLDER + "/boost"]


class PiProbe(Probe):
    name = "pi"
    settings = (Setting("boost", "text", "Level of the overclock (`arm_boost`)."),)

    def fingerprint(self, transport):
        return {{"boost": read(transport, "boost"), "firmware": read(transport, "firmware")}}

    def read(self, transport):
        return [BITS.of("pi", int(read(transport, "throttled"), 16))]

    def tuning(self, settings):
        return [Boost(settings["boost"])] if "boost" in settings else []

    def checks(self, transport, settings):
        low = int(read(transport, "throttled"), 16) & 0x1
        yield Check("supply", "failed" if low else "ok", "undervoltage" if low else "5 V", "a stronger supply" * low)

    @classmethod
    def conditions(cls, facts, tuned):
        return Conditions.of(system={{"boost": facts["boost"], "firmware": facts["firmware"]}})

    @classmethod
    def throttling(cls, run):
        bits = [int(one.value) for one in run.readings() if one.quantity == BITS.name]
        return ThrottleEvidence(reasons=[[name for bit, name in SLOWING.items() if value & bit] for value in bits])

    @classmethod
    def flags(cls, run):
        seen = [one for one in run.readings() if one.quantity == BITS.name and int(one.value) & 0x10000]
        return [ProbeFlag("pi_undervoltage", "error", "undervoltage since boot", "change the supply")] if seen else []
'''


@pytest.fixture
def board(install_package, tmp_path, monkeypatch):
    """A folder of what the board says; `board` in devices.yaml has the probe and asks for its setting."""
    folder = tmp_path / "pi"
    folder.mkdir()
    for name, text in {"boost": "0", "firmware": "2026-01-01", "throttled": "0x0"}.items():
        (folder / name).write_text(text)
    install_package("lab_pi", PACKAGE.format(folder=folder), {"bench.probes": "pi = lab_pi:PiProbe"})
    inventory = tmp_path / "devices.yaml"
    inventory.write_text("devices:\n  board:\n    probes: [linux, pi]\n    boost: high\n")
    monkeypatch.setenv("BENCH_DEVICES", str(inventory))
    return folder


def fingerprint_and_readings():
    with open_device(find_device("board")) as session:
        session.tune()
        return session.fingerprint(), session.read()


def judged(fingerprint, bits):
    """A run of a minute whose clock held, while the board said these bits."""
    readings = [FREQUENCY.of("cpu0", 2400).at(moment * SECOND) for moment in range(60)]
    moments = [read_with(bits[moment * len(bits) // 60]).at(moment * SECOND) for moment in range(60)]
    result = SimpleNamespace(hello={"cpus": [0]}, loaded={}, done={}, sampled_unix_ns=(0, 60 * SECOND))
    return ask_probes(fingerprint, [Round(0, 0, None, result, [*readings, *moments])])


def recorded(fingerprint):
    """A record that was written where the package is installed."""
    conditions = {
        probe: ProbeConditions(device=dict(own.device), system=dict(own.system))
        for probe, own in conditions_by_probe(fingerprint).items()
    }
    device = EXAMPLE.device.model_copy(update={"fingerprint": fingerprint, "conditions": conditions})
    return EXAMPLE.model_copy(update={"device": device})


def read_with(bits):
    from lab_pi import BITS

    return BITS.of("pi", bits)


def test_its_setting_is_set_by_the_entry_and_put_back(board):
    fingerprint, readings = fingerprint_and_readings()
    assert fingerprint["pi"]["boost"] == "high"
    assert fingerprint["tuned"]["boost"] == {"before": "0", "while_measuring": "high"}
    assert (board / "boost").read_text().strip() == "0"
    assert [(one.quantity, one.unit) for one in readings if one.source == "pi"] == [("pi_throttle_bits", "bits")]


def test_its_condition_tells_two_runs_apart(board):
    fingerprint, _ = fingerprint_and_readings()
    other = {**fingerprint, "pi": {**fingerprint["pi"], "firmware": "2026-02-02"}}
    here, there = probe_conditions(fingerprint)["system"], probe_conditions(other)["system"]
    assert {name for name in here if here[name] != there[name]} == {"firmware"}
    difference = differences(conditions_of(recorded(fingerprint)), conditions_of(recorded(other)))
    assert difference.obstacles == ("firmware 2026-01-01 against 2026-02-02",)


def test_its_condition_counts_where_the_package_is_not_installed(board, monkeypatch):
    fingerprint, _ = fingerprint_and_readings()
    other = {**fingerprint, "pi": {**fingerprint["pi"], "firmware": "2026-02-02"}}
    here, there = recorded(fingerprint), recorded(other)
    monkeypatch.undo()
    with pytest.raises(InventoryError):
        find_part("probe", "pi")
    assert "firmware 2026-01-01 against 2026-02-02" in differences(conditions_of(here), conditions_of(there)).obstacles


def test_its_throttle_bit_is_the_verdict_and_its_flag_is_raised(board):
    fingerprint, _ = fingerprint_and_readings()
    quiet = judged(fingerprint, [0x0])
    assert quiet.throttling.verdict == "no"
    assert "no throttle reason was active" in quiet.throttling.evidence
    assert quiet.flags == ()
    hot = judged(fingerprint, [0x0, 0x0, 0x10008])
    assert hot.throttling.verdict == "yes"
    assert "soft_temperature_limit in 33% of the readings" in hot.throttling.evidence
    assert [(flag.name, flag.severity) for flag in hot.flags] == [("pi_undervoltage", "error")]


@pytest.mark.parametrize(("bits", "status", "code"), [("0x0", "ok", 0), ("0x1", "failed", 1)])
def test_its_check_is_one_of_doctors(board, bits, status, code):
    (board / "throttled").write_text(bits)
    done = CliRunner().invoke(devices, ["doctor", "board", "--json"], standalone_mode=False)
    checks = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert checks["supply"]["status"] == status
    assert done.return_value == code or any(one["status"] == "failed" for one in checks.values())
