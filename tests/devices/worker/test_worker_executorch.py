"""ExecuTorch for real: what its program computes, what of it XNNPACK computes, int8, profile, and what is refused."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_worker.failure import WorkerError
from bench_worker.inputs import generate
from bench_worker.job import InputTensor
from bench_worker.libraries import executorch_program
from bench_worker.libraries.executorch_profile import read_layers
from bench_worker.libraries.executorch_program import read_program
from bench_worker.runtimes import create_runtime
from latency_bench.harness.export import ExportError
from latency_bench.harness.export.formats.pte import Pte
from latency_bench.harness.export.job import ExportJob

SEEDED = InputTensor("image", (1, 3, 16, 24), "float32", "NCHW", "normal", 0.0, 1.0, 3)
OUTSIDE = "aten::cumsum.out"


class Network(torch.nn.Module):
    """Two convolutions, the second with weights for each channel, a linear layer, and a sum that XNNPACK has not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.second = torch.nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)
        self.last = torch.nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = torch.nn.functional.hardswish(self.first(image))
        reduced = torch.cumsum(self.second(features), 3)
        return reduced, self.last(features.mean((2, 3)))


class Bessel(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(image) + 1


def export_job(module, folder, precision="fp32"):
    image = torch.from_numpy(generate(SEEDED))
    with torch.inference_mode():
        computed = module(image)
    computed = computed if isinstance(computed, tuple) else (computed,)
    outputs = {f"output{number}": tensor.clone() for number, tensor in enumerate(computed)}
    calibration = ({"image": image},) if precision == "int8" else ()
    return ExportJob(module, {"image": image}, outputs, folder / Pte.file_name(), precision, 17, calibration)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """By precision: the network's file, what the module computes for SEEDED, and the facts of the export."""
    made = {}

    def export(precision):
        if precision not in made:
            torch.manual_seed(0)
            job = export_job(Network().eval(), tmp_path_factory.mktemp(precision), precision)
            facts = Pte().export(job).facts
            made[precision] = job.path, {name: tensor.numpy() for name, tensor in job.outputs.items()}, facts
        return made[precision]

    return export


@pytest.fixture
def loaded():
    """A runtime in this process with a file, and one request done."""

    def load(path, **options):
        made = create_runtime("executorch", {"threads": 1, **options}, lambda: 0)
        made.load(str(path), [SEEDED])
        made.set_inputs([generate(SEEDED)])
        made.request()
        return made

    return load


def test_the_file_computes_the_module(run_worker, request_for, exported):
    path, expected, exporting = exported("fp32")
    finished = run_worker(request_for("executorch", path))
    assert finished.returncode == 0, finished.stdout[-1000:] + finished.stderr[-1000:]
    with np.load(finished.folder / "outputs.npz", allow_pickle=False) as saved:
        outputs = {name: saved[name] for name in saved.files}
    assert set(outputs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, rtol=1e-4, atol=1e-4)
    told = finished.event("loaded")
    assert re.match(r"\d+\.\d+", told["runtime"]["version"])
    assert told["options"] == {"threads": 1}
    assert finished.event("done")["output_drift"]["bitwise_equal"]
    for phase in ("h2d", "compute", "d2h"):
        assert min(finished.column("sampling", f"{phase}_ns")) > 0
    # What is read back from the program: two convolutions and a linear layer by XNNPACK, the sum outside.
    delegation = told["delegation"]
    assert delegation["delegate"] == "XNNPACK"
    assert delegation["outside"][OUTSIDE] == 1
    assert delegation["full"] is False
    assert delegation["delegated"] == delegation["nodes"] - sum(delegation["outside"].values()) >= 4
    assert delegation["partitions"] >= 1
    assert exporting["xnnpack"]["delegated"] == delegation["delegated"]
    assert told["layer_precisions"] == {"float32": 3}


@pytest.mark.slow
def test_a_program_of_the_users_is_measured(bench, exported, tmp_path):
    path, expected, _ = exported("fp32")
    np.save(tmp_path / "image.npy", generate(SEEDED))
    np.savez(tmp_path / "right.npz", **expected)
    words = ("--input", "input0=image.npy", "--reference", "right.npz", "--rounds", "1", "--json")
    ran = bench("run", "--pte", str(path), *words)
    assert ran.returncode == 0, ran.stderr
    assert ran.json()["fidelity"]["passed"] is True


def test_a_file_says_what_it_takes_and_gives(exported):
    stated = Pte().read(exported("fp32")[0])
    assert [(one.name, one.shape, one.dtype) for one in stated.inputs] == [("input0", (1, 3, 16, 24), "float32")]
    assert [(one.name, one.shape) for one in stated.outputs] == [("output0", (1, 8, 8, 12)), ("output1", (1, 5))]
    assert stated.precision == "fp32"


def test_other_inputs_give_other_outputs(exported, loaded):
    """What is copied in is what is computed with, in every request."""
    made = loaded(exported("fp32")[0])
    seen = []
    for scale in (1.0, 2.0, 1.0):
        made.set_inputs([scale * generate(SEEDED)])
        made.request()
        seen.append([values.copy() for values in made.outputs().values()])
    for first, second, third in zip(*seen, strict=True):
        np.testing.assert_array_equal(first, third)
        assert np.abs(first - second).max() > 1e-3


def test_threads_are_those_that_the_pool_has(exported, loaded):
    for threads in (2, 1):
        made = loaded(exported("fp32")[0], threads=threads)
        assert made._bindings._threadpool_get_thread_count() == threads


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "counts"), [("int8", {"int8": 3}), ("int8-dynamic", {"float32": 2, "int8": 1})])
def test_layers_with_weights_compute_in_int8(exported, loaded, precision, counts):
    path, expected, exporting = exported(precision)
    made = loaded(path)
    layers = made.facts()["weighted_layers"]
    assert layers["precisions"] == counts
    assert layers["conversions"] >= counts["int8"]
    assert exporting["quantization"].get("calibration_inputs") == (1 if precision == "int8" else None)
    for values, exact in zip(made.outputs().values(), expected.values(), strict=True):
        error = np.abs(values - exact).max() / np.abs(exact).max()
        assert error < 0.1
    # The linear layer's output: integers leave a trace that fp32 does not.
    last = list(expected)[-1]
    assert np.abs(made.outputs()[last] - expected[last]).max() > 1e-6


def test_the_profile_is_that_of_every_node_and_kernel(exported, loaded):
    made = loaded(exported("fp32")[0])
    layers = made.profile(3)
    assert {layer.calls for layer in layers} == {3}
    operators = [layer.operator for layer in layers]
    assert OUTSIDE.partition("::")[2] in operators
    assert sum("Convolution" in operator for operator in operators) == 2, operators
    outside = made.facts()["delegation"]["outside"]
    assert sum(operator.endswith("out") for operator in operators) == sum(outside.values())


def written_events(runs):
    """As ExecuTorch writes them: the runs by name, each event with the fields of its schema in order."""
    # Imports the exporter and pandas, which other tests do without.
    from executorch.devtools.etdump import schema_flatcc as schema
    from executorch.devtools.etdump.serialize import serialize_to_etdump_flatcc

    blocks = [
        schema.RunData(name, -1, [], [schema.Event(schema.ProfileEvent(*each), None, None) for each in events])
        for name, events in runs
    ]
    return serialize_to_etdump_flatcc(schema.ETDumpFlatCC(0, blocks))


@pytest.mark.parametrize("with_nodes", [True, False])
def test_the_profile_has_kernels_and_nodes_of_the_last_runs(with_nodes):
    run = [
        ("OPERATOR_CALL", 0, 0, -1, None, None, 100, 900),
        ("native_call_cumsum.out", 0, 0, -1, None, None, 200, 700),
        ("DELEGATE_CALL", 0, 1, -1, None, None, 1000, 9000),
        ("Method::execute", 0, -1, -1, None, None, 0, 9100),
    ]
    nodes = [
        (None, 0, 1, -1, f"Convolution (NHWC, F32) IGEMM #{number}", None, 1000, 1000 * number) for number in (3, 5)
    ]
    loading = [("Program::load_method", 0, -1, -1, None, None, 0, 10**9)]
    runs = [("Default", loading), *[("Execute", [*run, *(nodes if with_nodes else [])])] * 3]
    layers = read_layers(written_events(runs), 2)
    taken = [("Convolution (NHWC, F32) IGEMM", 8000), ("Convolution (NHWC, F32) IGEMM", 4000)]
    expected = [*(taken if with_nodes else [("DELEGATE_CALL", 16000)]), ("cumsum.out", 1000)]
    assert [(layer.operator, layer.total_ns) for layer in layers] == expected
    assert {layer.calls for layer in layers} == {2}


@pytest.mark.parametrize("kept_bytes", [0, 500, -200])
def test_what_is_no_whole_program_is_refused_in_one_line(tmp_path, exported, kept_bytes):
    content = exported("fp32")[0].read_bytes()
    path = tmp_path / "damaged.pte"
    path.write_bytes(content[:kept_bytes] or b"nothing that it knows")
    with pytest.raises(WorkerError) as caught:
        create_runtime("executorch", {"threads": 1}, lambda: 0).load(str(path), [SEEDED])
    assert caught.value.kind == "bad-artifact"
    assert "\n" not in caught.value.message


def test_an_operator_without_a_kernel_is_named_by_export_and_runtime(tmp_path):
    job = export_job(Bessel().eval(), tmp_path)
    with pytest.raises(ExportError, match="bessel_j0"):
        Pte().export(job)
    with pytest.raises(WorkerError, match="bessel_j0") as caught:
        create_runtime("executorch", {"threads": 1}, lambda: 0).load(str(job.path), [SEEDED])
    assert caught.value.kind == "bad-artifact"


@pytest.mark.slow
def test_a_network_without_weights_cannot_become_int8(tmp_path):
    class Sum(torch.nn.Module):
        def forward(self, image):
            return image + image

    with pytest.raises(ExportError, match="cannot become int8"):
        Pte().export(export_job(Sum().eval(), tmp_path, "int8"))


def test_a_release_that_cannot_set_threads_is_refused(monkeypatch):
    bindings = create_runtime("executorch", {"threads": 1}, lambda: 0)._bindings
    monkeypatch.delattr(bindings, "_threadpool_get_thread_count")
    with pytest.raises(WorkerError, match="_threadpool_get_thread_count") as caught:
        create_runtime("executorch", {"threads": 1}, lambda: 0)
    assert caught.value.kind == "runtime-missing"


def test_kinds_of_nodes_have_the_numbers_of_the_schema():
    text = files("executorch.backends.xnnpack.serialization").joinpath("schema.fbs").read_text(encoding="utf-8")
    kinds = re.findall(r"^\s*(\w+)", text.partition("union XNodeUnion {")[2].partition("}")[0], re.M)
    numbered = {name: number for number, name in enumerate(kinds, start=1)}
    ours = {name: number for name, (number, _) in executorch_program.NODES_WITH_WEIGHTS.items()}
    assert {name: numbered[name] for name in ours} == ours
    name, number = executorch_program.CONVERSION
    assert numbered[name] == number


@settings(max_examples=200, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read(exported, tmp_path_factory, place, byte):
    content = bytearray(exported("fp32")[0].read_bytes())
    content[int(place * len(content))] = byte
    path = tmp_path_factory.getbasetemp() / "changed.pte"
    path.write_bytes(content)
    try:
        read_program(str(path))
    except ValueError:
        return
