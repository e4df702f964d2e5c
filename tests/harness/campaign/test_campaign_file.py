"""campaign.yaml: what it means, and that nothing in it is ever more than a value."""

from __future__ import annotations

import os
import string
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.harness.campaign.campaign_file import CampaignFile, read_campaign
from latency_bench.harness.campaign.campaign_plan import plan_of
from latency_bench.harness.campaign.products import THROUGHPUT_STREAMS, requests_of
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.errors import InvalidNameError
from latency_bench.harness.store.layout import is_name
from latency_bench.model_specs import list_specs
from latency_bench.model_specs.errors import SpecError
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.papers.errors import PaperError

DEVICES = {
    "local": Device(name="local"),
    "orin": Device(name="orin", runtime="tensorrt"),
}


def device_of(name):
    if name not in DEVICES:
        raise InventoryError(f"there is no device called {name!r}")
    return DEVICES[name]


def written(text) -> CampaignFile:
    """The campaign of a text, from a file of its own called campaign.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "campaign.yaml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        return read_campaign(path)


def requests(text):
    return requests_of(written(text), device_of)


def test_products_patterns_exclusions_and_overrides():
    found = requests(
        """
        rounds: 5
        cases:
          - models: ["b?-seg"]
            runtimes: [litert, onnxruntime]
            threads: [1, 2]
          - {models: b1-cls-r224, resolutions: [128, 96x64], set: {runtime_options: {xnnpack: false}}}
        exclude:
          - {model: "b3-*", threads: 2}
          - {model: "b2-seg", runtime: onnx*}
        override:
          - {match: {model: b0-seg}, set: {rounds: 2, protocol: quick}}
          - {match: {threads: 2}, set: {cpus: [2, 3]}}
        """
    )
    segmenting = [spec.id for spec in list_specs() if len(spec.id) == 6 and spec.id.startswith("b")]
    assert {one.model for one in found} == {*segmenting, "b1-cls-r224"}
    assert not any(one.model == "b3-seg" and one.threads == 2 for one in found)
    assert not any(one.model == "b2-seg" and one.runtime == "onnxruntime" for one in found)
    assert {(one.rounds, one.protocol) for one in found if one.model == "b0-seg"} == {(2, "quick")}
    assert {(one.rounds, one.protocol) for one in found if one.model != "b0-seg"} == {(5, "standard")}
    assert {one.cpus for one in found if one.threads == 2} == {(2, 3)}
    assert {one.resolution for one in found if one.model == "b1-cls-r224"} == {(128, 128), (96, 64)}


def test_the_same_case_twice_is_one_case():
    text = "cases: [{models: [b0-seg, 'b0-*g']}, {models: b0-seg, runtimes: litert}]"
    plan = plan_of("twice", requests(text), device_of)
    assert [planned.case.spec.id for planned in plan.cases] == ["b0-seg"]


def test_input_types_multiply_cases_and_are_matched_by_their_names():
    text = """
        cases:
          - {models: [b0-seg, b0-cls-r224], runtimes: onnxruntime, input_types: [float32, uint8]}
          - {models: b1-cls-r224, runtimes: onnxruntime}
        exclude:
          - {model: b0-cls-r224, input_type: float32}
        override:
          - {match: {input_type: uint8}, set: {rounds: 2}}
        """
    found = requests(text)
    assert [(one.model, one.input_type, one.rounds) for one in found] == [
        ("b0-seg", None, None),
        ("b0-seg", "uint8", 2),
        ("b0-cls-r224", "uint8", 2),
        ("b1-cls-r224", None, None),
    ]
    planned = plan_of("types", found, device_of).cases
    assert [one.case.asked_inputs for one in planned] == ["", "uint8", "uint8", ""], "cases of their own in the record"
    assert len({one.key for one in planned}) == len(planned)


def test_a_table_has_its_models_and_on_a_gpu_their_throughput():
    models = set(default_paper().table("3").models)
    on_cpu = requests("cases: [{tables: 3}]")
    assert {one.model for one in on_cpu} == models
    assert all((one.batch, one.streams) == (1, None) for one in on_cpu)
    on_gpu = requests("cases: [{tables: 3, devices: orin, precisions: fp16}]")
    throughputs = {one.model for one in on_gpu if one.streams == THROUGHPUT_STREAMS}
    assert throughputs == models
    assert {one.batch for one in on_gpu if one.streams == THROUGHPUT_STREAMS} == {1}
    assert {one.precision for one in on_gpu} == {"fp16"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cases: []", "campaign.yaml:1: field 'cases'"),
        ("cases:\n  - {devices: local}", "campaign.yaml:2"),
        ("cases:\n  - models: b0-seg\n    modles: x", "campaign.yaml:3: unknown field 'cases[0].modles'"),
        ("name: ../up\ncases: [{models: b0-seg}]", "campaign.yaml:1: field 'name'"),
        ("cases:\n  - models: b0-seg\n    threads: [1, two]", "campaign.yaml:3"),
        ("cases:\n  - models: b0-seg\n    resolutions: 4y4", "campaign.yaml:3"),
        ("cases:\n  - models: b0-seg\n    input_types: [uint4]", "campaign.yaml:3: field 'cases[0].input_types[0]'"),
        ("cases:\n  - models: b0-seg\n    set: {device: orin}", "campaign.yaml:3: field 'cases[0].set'"),
        ("cases:\n  - models: b0-seg\n    set: {rounds: many}", "field 'rounds'"),
        ("cases: [{models: b0-seg}]\nexclude:\n  - {}", "campaign.yaml:3"),
        ("cases: [{models: b0-seg}]\nretry: {attempts: 0}", "retry.attempts"),
        ("cases: !!python/object/apply:os.system ['true']", "campaign.yaml:1"),
        ("a: &a [1]\ncases: *a", "anchors"),
        ("just text", "campaign.yaml:1: a campaign is one mapping"),
    ],
)
def test_every_complaint_names_file_and_line_or_field(text, complaint):
    with pytest.raises(UsageError) as raised:
        written(text)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("cases: [{models: b9-seg}]", SpecError),
        ("cases: [{models: 'z*'}]", UsageError),
        ("cases: [{models: b0-seg, devices: orni}]", InventoryError),
        ("cases: [{models: b0-seg, runtimes: ../../up}]", UsageError),
        ("cases: [{tables: ../up}]", PaperError),
        ("cases: [{models: b0-seg}]\nexclude: [{model: '*'}]", UsageError),
    ],
)
def test_names_that_nobody_has_are_refused_before_anything_starts(text, error):
    with pytest.raises(error):
        requests(text)


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_campaign(tmp_path / "none.yaml")


HOSTILE = st.one_of(
    st.sampled_from(
        [
            "../../etc/passwd",
            "/etc/passwd",
            "$(touch {canary})",
            "`touch {canary}`",
            "; touch {canary}",
            "!!python/object/apply:os.system ['touch {canary}']",
            "__import__('os').system('touch {canary}')",
            "-o ProxyCommand=touch {canary}",
            "\x00",
            "~root",
            "con",
            "a" * 5000,
        ]
    ),
    st.text(max_size=30),
    st.text(alphabet=string.punctuation, max_size=12),
)
VALUES = st.recursive(
    HOSTILE | st.integers() | st.floats(allow_nan=True) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    *("models", "tables", "devices", "runtimes", "precisions", "batches", "resolutions", "threads", "outputs", "set"),
    "streams",
]


@settings(max_examples=150, deadline=None)
@given(
    name=VALUES,
    protocol=HOSTILE,
    product=st.dictionaries(st.sampled_from(FIELDS) | HOSTILE, VALUES, max_size=4),
    options=st.dictionaries(
        st.sampled_from(["protocol", "runtime", "runtime_options", "power_mode", "cpus", "weights", "rounds"]), VALUES
    ),
    raw=st.text(max_size=60),
)
def test_hostile_campaigns_end_in_an_error_of_ours_or_in_plain_values(
    tmp_path_factory, name, protocol, product, options, raw
):
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    canary = folder / "canary"
    fields = {"name": name, "protocol": protocol, "cases": [{"models": ["b0-seg"], **product, "set": options}]}
    for text in (yaml.safe_dump(fields).replace("{canary}", str(canary)), raw.replace("{canary}", str(canary))):
        try:
            campaign = written(text)
            plan = plan_of(campaign.name or "fuzz", requests_of(campaign, device_of), device_of)
        except (UsageError, InventoryError, SpecError, InvalidNameError, PaperError):
            continue
        assert is_name(plan.name)
        assert all(is_name(planned.case.device.name) and is_name(planned.case.spec.id) for planned in plan.cases)
        assert all(planned.case.runtime.isprintable() for planned in plan.cases)
    assert not canary.exists()
    assert os.listdir(folder) == []
    assert Path("etc").exists() is False
