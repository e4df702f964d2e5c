"""`bench sweep`, `bench watch` and `bench host` as a user types them. Killed ones: tests/harness/campaign/."""

from __future__ import annotations

import pytest

from latency_bench.harness.cli.campaign_display import duration, time_left

FAST = """name: fast
rounds: 1
campaign_rounds: 2
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 5, max_count: 20, min_s: 0, max_s: 1, relative_interval: null, confidence: 0.95}
"""


def test_a_dry_run_lists_every_case_and_measures_nothing(bench, tmp_path):
    done = bench("sweep", "--table", "3", "--device", "local", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "b3-seg, local: litert fp32, 1 thread" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("table-3-local: ")
    assert not (tmp_path / "store").exists()
    listed = bench("sweep", "--table", "3", "--device", "local", "--dry-run", "--json").json()
    assert listed["open"] == len(listed["cases"])
    assert {case["status"] for case in listed["cases"]} == {"open"}
    assert len({case["case"] for case in listed["cases"]}) == len(listed["cases"])


def test_a_campaign_is_measured_once_even_though_one_case_fails(bench, tmp_path):
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "campaign.yaml").write_text(
        """
        name: mixed
        protocol: fast.yaml
        retry: {attempts: 1}
        cases:
          - {models: b0-cls-r224, resolutions: 64, runtimes: onnxruntime}
          - {models: b0-cls-r224, resolutions: 64, runtimes: torch-cuda}
        """
    )
    done = bench("sweep", "campaign.yaml", "--json")
    assert done.returncode == 1, done.stderr
    by_runtime = {case["runtime"]: case for case in done.json()["cases"]}
    assert by_runtime["onnxruntime"]["status"] == "done"
    assert by_runtime["onnxruntime"]["median_ms"] > 0
    assert by_runtime["torch-cuda"]["status"] == "failed"
    assert by_runtime["torch-cuda"]["reason"]
    assert "[2/2]" in done.stderr
    assert "\x1b" not in done.stderr, "no colours and no bar where nobody looks"
    again = bench("sweep", "campaign.yaml", "--dry-run")
    assert "mixed: 2 cases, 0 to measure" in again.stdout
    watched = bench("watch", "mixed", "--once")
    assert watched.returncode == 0
    assert "1 done, 1 failed" in watched.stdout
    rows = bench("results", "ls", "--json").json()
    assert len(rows) == 2


NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)

    def forward(self, image):
        return self.body(image)
"""


def _onnx_file(path, scale):
    onnx = pytest.importorskip("onnx")
    shape = ["n", 3, "h", 8]
    tensors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y")]
    constant = onnx.helper.make_tensor("scale", onnx.TensorProto.FLOAT, [], [scale])
    node = onnx.helper.make_node("Mul", ["x", "scale"], ["y"])
    graph = onnx.helper.make_graph([node], "graph", tensors[:1], tensors[1:], [constant])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)


def test_files_and_patterns_of_names_need_no_yaml(bench, tmp_path):
    for name, scale in (("a", 2.0), ("b", 3.0)):
        _onnx_file(tmp_path / f"{name}.onnx", scale)
    files = ("--onnx", "a.onnx", "--onnx", "b.onnx", "--dim", "h=6")
    words = ("sweep", *files, "--runtime", "litert", "--runtime", "onnxruntime")
    done = bench(*words, "--models", "timm:mobilenetv4_conv_small*", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    cases = [(case["model"], case["runtime"]) for case in done.json()["cases"]]
    of_files = [(model[:6], runtime) for model, runtime in cases if model.startswith("file-")]
    assert sorted(of_files) == [("file-a", "onnxruntime"), ("file-b", "onnxruntime")]
    networks = [(model, runtime) for model, runtime in cases if not model.startswith("file-")]
    assert {("timm-mobilenetv4_conv_small", "litert"), ("timm-mobilenetv4_conv_small", "onnxruntime")} <= set(networks)
    assert all(model.startswith("timm-mobilenetv4_conv_small") for model, _ in networks)
    refused = bench(*words, "--models", "timm:no_such_network*", "--dry-run")
    assert refused.returncode == 2
    assert "no model matches" in refused.stderr


def test_files_and_networks_of_a_campaign_are_measured(bench, tmp_path):
    (tmp_path / "fast.yaml").write_text(FAST)
    (tmp_path / "net.py").write_text(NET)
    _onnx_file(tmp_path / "a.onnx", 2.0)
    (tmp_path / "campaign.yaml").write_text(
        """
        protocol: fast.yaml
        cases:
          - modules: {module: "net.py:Net", arguments: {width: 4}, inputs: 3x8x8, name: tiny}
            runtimes: onnxruntime
          - files: a.onnx
            set: {dimensions: {h: 6}, original: a.onnx}
        """
    )
    done = bench("sweep", "campaign.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert sorted((case["model"][:6], case["status"]) for case in done.json()["cases"]) == [
        ("file-a", "done"), ("tiny", "done"),
    ]  # fmt: skip
    again = bench("sweep", "campaign.yaml", "--dry-run")
    assert "campaign: 2 cases, 0 to measure" in again.stdout
    assert len(bench("results", "ls", "--json").json()) == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["sweep"], "name a campaign's file"),
        (["sweep", "--model", "b0-sge"], "b0-seg"),
        (["sweep", "--model", "b0-seg", "--device", "orni"], "orni"),
        (["sweep", "--model", "b0-seg", "--name", "../up", "--dry-run"], "cannot be a folder's"),
        (["sweep", "--model", "b0-seg", "--resolution", "big"], "not a resolution"),
        (["sweep", "wrong.yaml"], "wrong.yaml:2: unknown field 'cases[0].modles'"),
        (["sweep", "wrong.yaml", "--model", "b0-seg"], "already says what is measured"),
        (["sweep", "--model", "b0-seg", "--dim", "h=8"], "--dim is for a file of your own"),
        (["sweep", "module.yaml"], "missing field 'cases[0].modules[0].inputs'"),
        (["sweep", "--model", "b0-seg", "--scheduler", "lab:8786"], "without TLS"),
        (["sweep", "--model", "b0-seg", "--tls-ca", "wrong.yaml"], "--scheduler"),
        (["host", "--devices", "local"], "--scheduler"),
        (["host", "--devices", "orni", "--scheduler", "127.0.0.1:9", "--insecure"], "orni"),
        (["watch"], "there is no campaign"),
    ],
)
def test_wrong_requests_say_what_to_change(bench, tmp_path, words, complaint):
    (tmp_path / "wrong.yaml").write_text("cases:\n  - modles: b0-seg\n")
    (tmp_path / "module.yaml").write_text("cases:\n  - modules: {module: 'net.py:Net'}\n")
    done = bench(*words)
    assert done.returncode == 2, done.stdout
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3599, "1 h 00 min"), (4800, "1 h 20 min"), (200000, "2 days 7 h")],
)
def test_durations_in_the_units_that_matter(seconds, words):
    assert duration(seconds) == words


def test_the_time_left_is_known_unknown_or_over():
    assert time_left(None) == "time left unknown"
    assert time_left(0) == "nothing left"
    assert time_left(120) == "about 2 min left"
