"""--module: a network in a Python file goes wherever a model's id goes, and its options are for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from latency_bench.harness.cli.main import bench
from latency_bench.harness.errors import UsageError
from latency_bench.model_specs import catalog, user_builders

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)

    def forward(self, image):
        return self.body(image)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a network and a spec file in it."""
    monkeypatch.setattr(user_builders, "_registered", {})
    monkeypatch.setattr(catalog, "_added", {})
    monkeypatch.setattr(catalog, "_named_files", [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cli_net.py").write_text(NET)
    (tmp_path / "mine.yaml").write_text(
        "family: mine\ntask: generic\nprovenance: {paper: mine, code: own, license: MIT}\nmodels:\n"
        "  - {id: my-net, title: MyNet, builder: 'cli_net.py:Net', arguments: {width: 2},\n"
        "     inputs: [{name: image, shape: [3, 8, 8]}], outputs: [{name: output}]}\n"
    )
    return tmp_path


def test_a_network_is_measured_from_its_file(folder: Path, brief: tuple[str, str]) -> None:
    words = ["run", "--module", "cli_net.py:Net", "--arguments", "width=4", "--input", "3x8x8", "--name", "tiny"]
    outcome = CliRunner().invoke(bench, [*words, *brief, "--store", "store", "--quiet", "--json"])
    document = json.loads(outcome.stdout)
    assert (document["model"], document["resolution"], document["fidelity"]["passed"]) == ("tiny", [8, 8], True)


def test_a_side_of_a_pair_is_a_network_in_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "latency_bench.harness.cli.pair.measure_and_print", lambda request, *rest: asked.append(request) or 0
    )
    words = ["pair", "cli_net.py:Net@onnxruntime", "cli_net.py:Net@litert,threads=1", "--arguments", "width=4"]
    outcome = CliRunner().invoke(bench, [*words, "--input", "3x8x8"])
    assert asked, outcome.output
    first, second = asked[0].cases
    assert (first.runtime, second.runtime) == ("onnxruntime", "litert")
    assert first.spec == second.spec
    assert first.spec.builder == "cli_net.py:Net"


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pairs that `bench gate --against` would measure, in the place of measuring them."""
    pairs: list[Any] = []
    monkeypatch.setattr(
        "latency_bench.harness.cli.gate_measuring.measure", lambda asked, *rest: pairs.extend(asked) or ()
    )
    return pairs


def test_how_both_sides_of_a_gate_run_is_said_once(folder: Path, gated: list[Any]) -> None:
    words = ["gate", "--against", "b0-cls-r224", "--candidate", "b0-cls-r224@onnxruntime,threads=2", "--threads", "2"]
    words += ["--runtime", "onnxruntime", "--resolution", "64", "--runtime-option", "spin=false", "--store", "store"]
    outcome = CliRunner().invoke(bench, words)
    assert len(gated) == 1, outcome.output
    for case in (gated[0].baseline, gated[0].candidate):
        assert (case.runtime, case.threads, case.spec.resolution) == ("onnxruntime", 2, (64, 64))
        assert case.runtime_options == {"spin": False}


TWINS = """
from torch import nn


class Linear(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return self.body(x)


class Softmax(Linear):
    def forward(self, x):
        return self.body(x).softmax(1)
"""


def test_a_block_of_ones_own_is_set_beside_its_twin(folder: Path, brief: tuple[str, str]) -> None:
    (folder / "twins.py").write_text(TWINS)
    words = ["attention", "--module", "twins.py:Linear", "--twin", "twins.py:Softmax", "--arguments", "channels=4"]
    words += ["--input", "4x8x8", "--name", "mine", "--runtime", "onnxruntime", "--store", "store", "--quiet", "--json"]
    planned = CliRunner().invoke(bench, [*words, "--dry-run"])
    assert [row["model"] for row in json.loads(planned.stdout)] == ["mine", "mine-softmax"], planned.output
    measured = CliRunner().invoke(bench, [*words, *brief, "--rounds", "1", "--no-pairs"])
    assert measured.exit_code == 0, measured.output
    (row,) = json.loads(measured.stdout)["whole_models"]
    assert (row["model"], row["height"], row["width"], row["linear_fits"]) == ("mine", 8, 8, True)


def test_a_network_is_kept_as_a_baseline_and_gated(folder: Path, gated: list[Any]) -> None:
    sizes = ["--arguments", "width=4", "--input", "3x8x8"]
    kept = CliRunner().invoke(bench, ["baseline", "keep", "main", "cli_net.py:Net", *sizes, "--store", "store"])
    assert kept.exit_code == 0, kept.output
    words = ["gate", "--against", "main", "--module", "cli_net.py:Net", *sizes, "--store", "store", "--json"]
    outcome = CliRunner().invoke(bench, words)
    assert len(gated) == 1, outcome.output
    old, new = gated[0].baseline, gated[0].candidate
    assert old.artifact.sha256 == new.artifact.sha256, "what was kept is what the same network is exported as"
    assert gated[0].baseline_name.startswith("main (kept ")


def test_open_sizes_of_a_kept_file_are_kept_and_given_to_the_candidate(folder: Path, gated: list[Any]) -> None:
    pytest.importorskip("onnx")
    _save_open(folder / "old.onnx")
    _save_open(folder / "new.onnx")
    kept = CliRunner().invoke(bench, ["baseline", "keep", "main", "old.onnx", "--dim", "h=8", "--store", "store"])
    assert kept.exit_code == 0, kept.output
    for candidate in (["--onnx", "new.onnx", "--dim", "h=8"], ["--candidate", "new.onnx", "--shape", "x=1x3x8x8"]):
        gated.clear()
        outcome = CliRunner().invoke(bench, ["gate", "--against", "main", *candidate, "--store", "store"])
        assert len(gated) == 1, outcome.output
        assert gated[0].baseline.asked_inputs == gated[0].candidate.asked_inputs == "x=1x3x8x8"


def _save_open(path: Path) -> None:
    import onnx

    tensors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3, "h", 8]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Neg", ["x"], ["y"])], "graph", tensors[:1], tensors[1:])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), str(path))


def test_models_of_a_spec_file_are_listed_where_it_is_named(folder: Path) -> None:
    try:
        named = CliRunner().invoke(bench, ["models", "ls", "--specs", "mine.yaml", "--family", "mine", "--json"])
        assert [model["id"] for model in json.loads(named.stdout)] == ["my-net"]
    finally:
        catalog._named_files.clear()
        catalog.forget()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["export", "--format", "onnx", "--model", "b1-seg", "--input", "3x8x8"], "are for a --module"),
        (["run", "--model", "b1-seg", "--arguments", "width=4"], "--arguments is for a --module"),
        (["export", "--format", "onnx", "--model", "b1-seg", "--module", "cli_net.py:Net"], "takes one model"),
        (["run", "--module", "a.py:A", "--onnx", "b.onnx"], "one at a time"),
        (["run", "--module", "a.py:A", "--module", "b.py:B", "--name", "x"], "--name names one module"),
        (["export", "--format", "onnx"], "--model .* or a --module"),
        (["export", "--format", "onnx", "--model", "b0-cls-r224", "--output", "argmax"], "for segmentation networks"),
        (["gate", "stored", "--threads", "2"], "--threads is for what is measured now; name its --against"),
        (["gate", "stored", "--onnx", "a.onnx"], "--onnx is for what is measured now; name its --against"),
        (["attention", "--module", "cli_net.py:Net"], "--module and --twin belong together"),
        (["attention", "--input", "3x8x8"], "are for a --module with its --twin"),
        (["pair", "a.py:A@litert", "b.py:B@litert", "--name", "x"], "--name names one module"),
        (["run", "--onnx", "a.onnx", "--dim", "h=8", "--dim", "h=16"], "--dim gives h two values, 8 and 16"),
        (["run", "--model", "b1-seg", "--label", "a=b", "--label", "a=c"], "--label gives a two values"),
        (
            ["sweep", "--model", "b0-seg", "--baseline", "b1-seg", "--dry-run"],
            "baseline b1-seg is not among the models",
        ),
    ],
)
def test_options_of_modules_are_for_modules(folder: Path, words: list[str], told: str) -> None:
    outcome = CliRunner().invoke(bench, words)
    assert outcome.exit_code == 2 or isinstance(outcome.exception, UsageError | SystemExit)
    assert re.search(told, outcome.output + str(outcome.exception))
