"""Settings of a device's probes as a user asks for them: with the device, on the command line, in a campaign."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from latency_bench.devices.device import Device
from latency_bench.harness.case_options import CaseOptions, case_of
from latency_bench.harness.cli.run import run
from latency_bench.harness.errors import UsageError
from latency_bench.harness.identity.request_key import request_key
from latency_bench.harness.paper_setting import paper_flag

ORIN = Device(name="orin", probes=("linux", "jetson"), power_mode="MODE_15W")


def settings_of(**asked):
    options = CaseOptions(model="b0-cls-r224", device="orin", **asked)
    return case_of(options, single=True, device=ORIN).device.settings


def test_what_is_asked_for_comes_before_the_devices_own():
    assert settings_of() == {"power_mode": "MODE_15W"}
    assert settings_of(power_mode="MAXN", lock_clocks=True) == {"power_mode": "MAXN", "lock_clocks": True}
    assert settings_of(settings={"fan": 3}) == {"power_mode": "MODE_15W", "fan": 3}


def test_the_command_line_takes_any_setting(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "latency_bench.harness.benchmark.run_benchmarks", lambda cases, *rest: asked.extend(cases) or []
    )
    words = [
        "--model",
        "b0-cls-r224",
        "--setting",
        "fan=3",
        "--setting",
        "level=high",
        "--power-mode",
        "MAXN",
        "--json",
    ]
    CliRunner().invoke(run, [*words, "--quiet"])
    (case,) = asked
    assert case.device.settings == {"fan": 3, "level": "high", "power_mode": "MAXN"}


@pytest.mark.parametrize("asked", [{"power_mode": "MAXN"}, {"lock_clocks": True}, {"settings": {"fan": 3}}])
def test_another_setting_is_another_case_of_a_campaign(asked):
    plain, changed = (
        case_of(CaseOptions(model="b0-cls-r224", device="orin", **one), single=False, device=ORIN)
        for one in ({}, asked)
    )
    assert request_key(plain) != request_key(changed)


PHONE = Device(name="phone", transport="adb", runner="benchmark_model", probes=("android",), threads=4)


def paper_case(device: Device, **asked):
    options = CaseOptions(model="b1-cls-r224", device=device.name, as_in_paper=True, **asked)
    return case_of(options, single=True, device=device)


def test_the_papers_setting_is_known_for_each_kind_of_device():
    phone = paper_case(PHONE)
    assert (phone.runtime, phone.precision, phone.batch, phone.threads) == ("litert", "fp32", 1, 1)
    board = paper_case(Device(name="orin", runner="trtexec", runtime="tensorrt", probes=("linux", "jetson")))
    assert (board.runtime, board.precision, board.batch) == ("tensorrt", "fp16", 1)
    server = Device(name="a100", runtime="tensorrt", probes=("linux", "nvidia"))
    assert (paper_case(server).precision, paper_case(server, batch=16).batch) == ("fp16", 16)


@pytest.mark.parametrize(
    ("device", "asked", "words"),
    [
        (PHONE, {"precision": "fp16-weights"}, "has precision fp32, and --precision asks for fp16-weights"),
        (PHONE, {"threads": 4}, "has threads 1, and --threads asks for 4"),
        (PHONE, {"runtime": "litert-gpu"}, "has runtime litert, and --runtime asks for litert-gpu"),
        (Device(name="desk"), {}, "the paper measured on Android phones"),
        (Device(name="orin", runner="benchmark_model", probes=("jetson",)), {}, "does not have"),
    ],
)
def test_what_is_not_the_papers_setting_is_refused(device, asked, words):
    with pytest.raises(UsageError, match=words):
        paper_case(device, **asked)


def test_it_is_the_same_case_as_when_asked_for_field_by_field():
    plain = case_of(CaseOptions(model="b1-cls-r224", device="phone", threads=1), single=True, device=PHONE)
    assert request_key(paper_case(PHONE)) == request_key(plain)


def test_a_record_says_what_the_papers_setting_means():
    android = {"soc": "SM8450", "soc_manufacturer": "QTI", "model": "Stand-in 12"}
    flag = paper_flag(PHONE, {"android": android}, [7])
    assert (flag.name, flag.severity) == ("paper_setting", "info")
    for words in ("Snapdragon 8 Gen 1", "fp32, batch 1", "does not say how many", "SM8450", "core 7"):
        assert words in flag.text


def test_the_command_line_takes_the_papers_setting(monkeypatch):
    asked = []
    monkeypatch.setattr("latency_bench.harness.cli.run.request_of", lambda *_, **options: asked.append(options))
    monkeypatch.setattr("latency_bench.harness.case_options.case_of", lambda *_, **__: None)
    CliRunner().invoke(run, ["--model", "b1-cls-r224", "--setting", "paper"])
    assert [(one["precision"], one["batch"], one["settings"]) for one in asked] == [(None, None, (("paper", True),))]
    refused = CliRunner().invoke(run, ["--model", "b1-cls-r224", "--setting", "pape"])
    assert "write NAME=VALUE, or the word paper" in refused.output
