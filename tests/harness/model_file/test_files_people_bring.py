"""`bench run` with files of every kind that people bring: each is measured as it is, or refused in one line that says
why and what to do; none is measured as something else."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

from onnx import TensorProto, helper  # noqa: E402 - needs onnx
from onnx_files import save, save_identity, value  # noqa: E402
from tflite_files import save_convolution  # noqa: E402

QUICK = """name: quick
rounds: 1
campaign_rounds: 1
warmup: {min_count: 1, max_count: 2, min_s: 0, max_s: 1, window: 0}
sampling: {min_count: 5, max_count: 9, min_s: 0, max_s: 1, relative_interval: null, confidence: 0.95}
"""
FED = ("FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "UINT8", "INT16", "UINT16", "UINT32", "UINT64", "BOOL")
NOT_FED = {"COMPLEX64": "complex64", "STRING": "string", "FLOAT8E4M3FN": "float8_e4m3fn", "INT4": "int4"}


@pytest.fixture
def run(bench, tmp_path):
    """run(*words): `bench run` by a protocol of a few requests, in the folder of the files."""
    (tmp_path / "quick.yaml").write_text(QUICK)
    return lambda *words: bench("run", *words, "--protocol", "quick.yaml", "--json", "--quiet")


def measured(run, folder: Path, *files: Path) -> dict[str, dict]:
    """The records of files that are measured in one call, by the file's name."""
    done = run(*(word for file in files for word in (f"--{file.suffix[1:]}", file.relative_to(folder).as_posix())))
    assert done.returncode == 0, done.stderr
    documents = json.loads(done.stdout)
    documents = documents if isinstance(documents, list) else [documents]
    assert all(document["status"] in ("done", "unstable") for document in documents)
    records = [json.loads((folder / document["path"] / "record.json").read_text()) for document in documents]
    return {file.name: record for file, record in zip(files, records, strict=True)}


def flags(record: dict) -> set[str]:
    return {flag["name"] for flag in record["flags"]}


def beside(folder: Path, fill: float, links: bool = False) -> Path:
    """A model whose weights lie in model.onnx_data; `links`: both are links to blobs, as in a hub's cache."""
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    array = np.full((64, 64), fill, np.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    save(path, [node], [value("x", [1, 64])], [value("y", [1, 64])], {"w": array})
    model = onnx.load(str(path))
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "model.onnx_data")
    model.graph.initializer[0].ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    (folder / "model.onnx_data").write_bytes(array.tobytes())
    if links:
        blobs = folder.parents[2] / "blobs"
        blobs.mkdir()
        for name in ("model.onnx", "model.onnx_data"):
            (folder / name).rename(blobs / f"blob-of-{name}")
            (folder / name).symlink_to(Path("../../..") / "blobs" / f"blob-of-{name}")
    return path


def unusual_files(folder: Path) -> list[Path]:
    """Of the kinds that fit no spec of the catalog: each fails where a file is squeezed into one."""
    add = [helper.make_node("Add", ["x.1", "x_1"], ["y"])]
    suppressed = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most"], ["selected"])
    branches = [
        helper.make_graph([helper.make_node("Identity", ["x"], ["r"])], "a", [], [value("r", [1, 6])]),
        helper.make_graph([helper.make_node("Concat", ["x", "x"], ["q"], axis=0)], "b", [], [value("q", [2, 6])]),
    ]
    conditional = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Cast", ["s"], ["c"], to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ]
    return [
        save_identity(folder / "one-dimension.onnx", [16000]),
        save_identity(folder / "no-dimension.onnx", []),
        save_identity(folder / "not-ascii.onnx", [1, 9], name="入力"),
        save(folder / "inputs-alike.onnx", add, [value("x.1", [1, 4]), value("x_1", [1, 4])], [value("y", [1, 4])]),
        save(
            folder / "outputs-alike.onnx",
            [helper.make_node("Relu", ["x"], ["y.1"]), helper.make_node("Abs", ["x"], ["y_1"])],
            [value("x", [1, 4])],
            [value("y.1", [1, 4]), value("y_1", [1, 4])],
        ),
        save(
            folder / "first-sizes-differ.onnx",
            [helper.make_node("Add", ["x", "state"], ["y"])],
            [value("x", [1, 16]), value("state", [4, 16])],
            [value("y", [4, 16])],
        ),
        save(
            folder / "nonzero.onnx",
            [helper.make_node("NonZero", ["x"], ["y"])],
            [value("x", [1, 64])],
            [value("y", [2, None], TensorProto.INT64)],
        ),
        save(
            folder / "suppression.onnx",
            [suppressed],
            [value("boxes", [1, 50, 4]), value("scores", [1, 1, 50])],
            [value("selected", [None, 3], TensorProto.INT64)],
            {"most": np.array([20], np.int64)},
        ),
        save(folder / "no-rank.onnx", conditional, [value("x", [1, 6])], [value("y", None)]),
        save(
            folder / "not-finite.onnx",
            [helper.make_node("Sub", ["x", "x"], ["z"]), helper.make_node("Div", ["z", "z"], ["y"])],
            [value("x", [1, 4])],
            [value("y", [1, 4])],
        ),
        save(
            folder / "types.onnx",
            [helper.make_node("Identity", [f"x{name}"], [f"y{name}"]) for name in FED],
            [value(f"x{name}", [2, 3], getattr(TensorProto, name)) for name in FED],
            [value(f"y{name}", [2, 3], getattr(TensorProto, name)) for name in FED],
        ),
        save_convolution(folder / "fixed.tflite", (8, 6)),
        save_convolution(folder / "integers.tflite", (8, 6), "INT8"),
    ]


def test_what_fits_no_spec_of_the_catalog_is_measured_as_it_is(run, tmp_path):
    files = unusual_files(tmp_path)
    records = measured(run, tmp_path, *files)
    for name in ("nonzero.onnx", "suppression.onnx", "no-rank.onnx"):
        assert "outputs_of_varying_size" in flags(records[name]), name
    not_finite = next(flag for flag in records["not-finite.onnx"]["flags"] if flag["name"] == "outputs_not_finite")
    assert "y (4 of 4 values)" in not_finite["text"]
    assert [name for name in records if "outputs_not_finite" in flags(records[name])] == ["not-finite.onnx"]
    fed = records["types.onnx"]["artifact"]["facts"]["inputs"]
    assert [tensor["dtype"] for tensor in fed] == [
        "float16", "bfloat16", "float64", "int8", "uint8", "int16", "uint16", "uint32", "uint64", "bool",
    ]  # fmt: skip
    assert [one["shape"] for one in records["first-sizes-differ.onnx"]["artifact"]["facts"]["inputs"]] == [
        [1, 16],
        [4, 16],
    ]
    assert records["not-ascii.onnx"]["artifact"]["facts"]["inputs"][0]["name"] == "入力"
    assert records["integers.tflite"]["model"]["precision"] == "int8"


def test_two_files_of_one_name_are_two_models_and_links_of_a_hub_are_followed(run, tmp_path):
    files = [
        beside(tmp_path / "a", 1.0),
        beside(tmp_path / "b", 2.0),
        beside(tmp_path / "hub" / "snapshots" / "abc" / "onnx", 3.0, links=True),
    ]
    words = (word for file in files for word in ("--onnx", file.relative_to(tmp_path).as_posix()))
    done = run(*words)
    assert done.returncode == 0, done.stderr
    documents = json.loads(done.stdout)
    assert len({document["model"] for document in documents}) == 3
    records = [json.loads((tmp_path / document["path"] / "record.json").read_text()) for document in documents]
    assert len({record["artifact"]["sha256"] for record in records}) == 3
    assert {record["artifact"]["size_bytes"] for record in records} == {
        file.stat().st_size + file.with_name("model.onnx_data").stat().st_size for file in files
    }


@pytest.mark.parametrize("format_", ["onnx", "tflite"])
def test_open_sizes_are_asked_for_and_then_measured(run, tmp_path, format_):
    if format_ == "onnx":
        save_identity(tmp_path / "net.onnx", [1, 3, "height", "width"])
    else:
        save_convolution(tmp_path / "net.tflite", None)
    asked = run(f"--{format_}", f"net.{format_}")
    assert asked.returncode == 2
    assert "leaves sizes open" in asked.stderr
    example = asked.stderr.rpartition("for example: ")[2].split()
    assert example in (["--dim=height=224", "--dim=width=224"], ["--shape=image=1x224x224x3"])
    answered = run(f"--{format_}", f"net.{format_}", *example)
    assert answered.returncode == 0, answered.stderr
    assert answered.json()["resolution"] == [224, 224]


def refused_files(folder: Path) -> dict[str, str]:
    """By file what its refusal says."""
    whole = save_convolution(folder / "whole.tflite", (8, 6)).read_bytes()
    for name, end in (("half", len(whole) // 2), ("beginning", 64)):
        (folder / f"{name}.tflite").write_bytes(whole[:end])
    inner = helper.make_tensor_type_proto(TensorProto.FLOAT, [1, 4])
    sequence = [
        helper.make_value_info(name, helper.make_sequence_type_proto(inner)) for name in ("sequence_in", "sequence_out")
    ]
    construct = helper.make_node("SequenceConstruct", ["x"], ["sequence_out"])
    save(folder / "sequence-out.onnx", [construct], [value("x", [1, 4])], sequence[1:])
    at = helper.make_node("SequenceAt", ["sequence_in", "zero"], ["y"])
    save(
        folder / "sequence-in.onnx", [at], sequence[:1], [value("y", [1, 4])], {"zero": np.array(0, np.int64)}
    )  # fmt: skip
    for element in NOT_FED:
        save_identity(folder / f"{element}.onnx", [1, 4], getattr(TensorProto, element))
    return {
        "half.tflite": "half.tflite is damaged",
        "beginning.tflite": "beginning.tflite is damaged",
        "sequence-out.onnx": "output sequence_out is of type sequence",
        "sequence-in.onnx": "input sequence_in is of type sequence",
        **{f"{element}.onnx": f"input x is of type {name}" for element, name in NOT_FED.items()},
    }


def test_what_cannot_be_measured_is_refused_in_a_line(run, tmp_path):
    for name, words in refused_files(tmp_path).items():
        done = run(f"--{name.rpartition('.')[2]}", name)
        assert done.returncode == 2, name
        assert words in done.stderr, name
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--precision", "fp16"),
        ("--precision", "bf16"),
        ("--batch", "8"),
        ("--seed", "7"),
        ("--output", "argmax"),
        ("--resolution", "64"),
        ("--weights", "net.onnx"),
    ],
)
def test_no_option_is_taken_and_ignored(run, tmp_path, words):
    save_identity(tmp_path / "net.onnx", [1, 3, 8, 8])
    done = run("--onnx", "net.onnx", *words)
    assert done.returncode == 2
    assert words[0] in done.stderr
    assert done.stdout == ""


def test_a_file_in_half_precision_is_measured_and_it_is_said_what_computes(run, tmp_path):
    weights = {"w": np.ones((8, 8), np.float16), "kernel": np.ones((4, 3, 3, 3), np.float16)}
    half = TensorProto.FLOAT16
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Conv", ["image", "kernel"], ["z"])]
    inputs = [value("x", [1, 8], half), value("image", [1, 3, 8, 8], half)]
    outputs = [value("y", [1, 8], half), value("z", [1, 4, 6, 6], half)]
    save(tmp_path / "half.onnx", nodes, inputs, outputs, weights)
    held = [
        helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(array))
        for name, array in weights.items()
    ]
    save(tmp_path / "constants.onnx", [*held, *nodes], inputs, outputs)
    for record in measured(run, tmp_path, tmp_path / "half.onnx", tmp_path / "constants.onnx").values():
        assert record["model"]["precision"] == "fp16"
        computed = record["runtime"]["facts"]["layer_precisions"]
        assert sum(computed.values()) == 2
        if platform.machine() == "x86_64":
            # ONNX Runtime has no kernels in half precision for it. On others it has some.
            assert computed == {"float32": 2}
        told = [flag["text"] for flag in record["flags"] if flag["name"] == "other_precision"]
        assert [text.partition(":")[0] for text in told] == [
            "the file is in fp16, and only 0 of 2 layers compute in it (2 in float32)"
        ] * ("float16" not in computed)


def test_outputs_are_held_to_a_reference_and_one_output_needs_no_name(run, tmp_path):
    save_identity(tmp_path / "net.onnx", [1, 8])
    fed, other = np.ones((1, 8), np.float32), np.full((1, 8), 2, np.float32)
    np.save(tmp_path / "fed.npy", fed)
    np.savez(tmp_path / "right.npz", fed)
    np.savez(tmp_path / "wrong.npz", y=other)
    words = ("--onnx", "net.onnx", "--input", "x=fed.npy")
    right = run(*words, "--reference", "right.npz")
    assert right.returncode == 0, right.stderr
    assert right.json()["fidelity"]["passed"] is True
    wrong = run(*words, "--reference", "wrong.npz")
    assert wrong.returncode == 1
    record = json.loads((tmp_path / wrong.json()["path"] / "record.json").read_text())
    assert record["failure"]["kind"] == "fidelity"
    assert "--input" in record["failure"]["remedy"]


def test_an_operator_that_the_runtime_lacks_is_named(run, tmp_path):
    """However long the path of the file is."""
    folder = tmp_path / ("a-folder-with-a-name-of-some-length" * 4)
    folder.mkdir()
    node = helper.make_node("Fancy", ["x"], ["y"], domain="com.acme")
    path = save(folder / ("network" * 20 + ".onnx"), [node], [value("x", [1, 4])], [value("y", [1, 4])])
    done = run("--onnx", path.relative_to(tmp_path).as_posix())
    assert done.returncode == 1
    failure = json.loads((tmp_path / done.json()["path"] / "record.json").read_text())["failure"]
    assert failure["kind"] == "bad-artifact"
    assert "com.acme" in failure["message"]
    assert "Fancy" in failure["message"]
    assert "operator" in failure["remedy"]


@pytest.mark.parametrize("option", ["--model", "--name", "--device"])
def test_bytes_that_are_no_text_are_told_in_a_line(run, tmp_path, option):
    save_identity(tmp_path / "net.onnx", [1, 8])
    brought = () if option == "--model" else ("--onnx", "net.onnx")
    done = run(*brought, option, os.fsdecode(b"net\xff"))
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "these bytes are not UTF-8" in line


def test_stored_runs_of_a_file_are_found_by_the_file(run, bench, tmp_path):
    for name, scale in (("a", 1.0), ("b", 2.0)):
        node = helper.make_node("Mul", ["x", "scale"], ["y"])
        constant = {"scale": np.array(scale, np.float32)}
        save(tmp_path / f"{name}.onnx", [node], [value("x", [1, 8])], [value("y", [1, 8])], constant)
        assert run("--onnx", f"{name}.onnx").returncode == 0
    compared = bench("compare", "a.onnx", "b.onnx", "--json")
    assert compared.returncode == 0, compared.stderr
    (case,) = compared.json()["cases"]
    assert ("file-a-" in case["case_a"], "file-b-" in case["case_b"]) == (True, True)
    (listed,) = bench("results", "ls", "--model", "a.onnx", "--json").json()
    assert "file-a-" in listed["model"]
    (row,) = bench("table", "--model", "a.onnx", "--columns", "model,latency", "--json").json()
    assert "file-a-" in str(row)
    drawn = bench("plot", "phases", "--model", "a.onnx", "--to", "phases.svg", "--json")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "phases.svg").is_file()
