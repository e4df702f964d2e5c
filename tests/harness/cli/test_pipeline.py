"""`--pipeline`: decoding, preparing and answering are phases of one request, and such a run is a case of its own in the
record, the run table, comparisons, campaigns and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latency_bench.devices.device import Device
from latency_bench.devices.runners.base import PHASES, WHOLE_PIPELINE, Progress
from latency_bench.harness.benchmark import run_benchmarks
from latency_bench.harness.case import Case
from latency_bench.harness.case_options import case_of, options_of
from latency_bench.harness.comparing import compare_sets
from latency_bench.harness.errors import UsageError
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.request_key import request_key
from latency_bench.harness.identity.run_conditions import READS, conditions_from, conditions_of
from latency_bench.harness.identity.workload import Workload
from latency_bench.harness.pipeline_request import answer_of, made_photograph, surroundings_of_spec
from latency_bench.harness.repeated_case import case_like
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.reader import StoredRun, open_run
from latency_bench.harness.store.run_selection import RunSet
from latency_bench.model_specs import load_spec
from latency_bench.reports.evidence import Evidence
from latency_bench.reports.plots.kinds import Options
from latency_bench.reports.plots.phases import draw_phases
from tests.conftest import BRIEF


class Nobody:
    def stage(self, text: str) -> None: ...

    def progress(self, case: Case, round_index: int, progress: Progress) -> None: ...


@pytest.fixture(scope="module")
def runs(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StoredRun, StoredRun]:
    """A store with a plain run and a pipelined one of the same file, measured together."""
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "brief.yaml").write_text(BRIEF)
    asked = {"model": "b0-cls-r224", "resolution": "64x64", "runtime": "onnxruntime"}
    asked["protocol"] = str(folder / "brief.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(shared_cache))
        patch.setenv("BENCH_LOCKS", str(folder / "locks"))
        cases = [case_of(options_of({**asked, "pipeline": one}), single=True) for one in (None, "pillow")]
        finished = run_benchmarks(cases, folder / "store", ["bench", "run"], Nobody())
    plain, around = (open_run(folder / "store", record.run_id) for record, _ in finished)
    return folder / "store", plain, around


def test_every_phase_is_in_the_record_and_in_the_samples(runs: Any) -> None:
    _, plain, around = runs
    summary = around.record.summary
    assert summary is not None
    assert tuple(phase for phase in PHASES if phase in summary.phases) == PHASES
    assert summary.latency_covers == WHOLE_PIPELINE
    assert around.record.model.pipeline == "pillow"
    facts = around.record.runtime.facts["pipeline"]
    assert (facts["photograph"]["size"], facts["prepared"]) == ("500x375", "crop 0.95, bicubic")
    assert facts["answer"] == "top-classes"
    assert around.record.fidelity.passed is True, "outputs are compared as those of any run"
    for block in around.samples():
        columns = [getattr(block, f"{phase}_ns") for phase in PHASES]
        assert all((column > 0).all() for column in columns)
        assert (np.sum(columns, axis=0) <= block.latency_ns).all()
    assert plain.record.model.pipeline is None
    assert set(plain.record.summary.phases) == {"h2d", "compute", "d2h"}
    assert all(block.decode_ns is None for block in plain.samples())


def test_it_is_never_compared_with_a_plain_run_in_silence(runs: Any) -> None:
    store, plain, around = runs
    found = differences(conditions_of(plain.record), conditions_of(around.record))
    assert found.question == "pipeline"
    assert found.details[0] == "pipeline none against pillow"
    rows = {row["run_id"]: row for row in find_rows(store)}
    assert rows[around.record.run_id]["pipeline"] == "pillow"
    assert rows[around.record.run_id]["decode_ms"] > 0
    # The latest run of the model is the pipelined one, and tables go on quoting the paper's request.
    table = pd.DataFrame(list(rows.values()))
    setting = next(one for one in Evidence(table)._settings)
    quoted = Evidence(table).find("b0-cls-r224", setting, resolution=(64, 64)).run
    assert quoted is not None
    assert quoted["run_id"] == plain.record.run_id
    compared = compare_sets(*(RunSet(one.record.run_id, (one,)) for one in (plain, around)), 0.03)
    assert "pipeline none against pillow" in str(compared)


def test_figures_stack_what_was_measured(runs: Any) -> None:
    store, plain, around = runs
    drawn = draw_phases(pd.DataFrame(find_rows(store)), Options())
    by_id = drawn.data.set_index("run_id")
    assert by_id.loc[around.record.run_id, "decode_ms"] > 0
    assert pd.isna(by_id.loc[plain.record.run_id, "decode_ms"])
    assert sorted(by_id["case"]) == ["b0-cls-r224 64x64", "b0-cls-r224 64x64 pipeline (pillow)"]
    (legend,) = drawn.figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert [name for name in named if name in ("decode", "preprocess", "postprocess")] == [
        "decode", "preprocess", "postprocess",
    ]  # fmt: skip


def test_it_is_measured_again_as_it_was(runs: Any, tmp_path: Path) -> None:
    _, plain, around = runs
    assert case_like(around.record, {"device": "local"}).pipeline == "pillow"
    assert case_like(plain.record, {"device": "local"}).pipeline is None
    Image.new("RGB", (90, 60), (200, 10, 30)).save(tmp_path / "mine.jpg")
    with pytest.raises(UsageError, match="decoded another photograph, of 500x375 pixels"):
        case_like(around.record, {"device": "local", "photograph": tmp_path / "mine.jpg"})


def case(**changes: Any) -> Any:
    asked = {"model": "b0-cls-r224", "runtime": "onnxruntime", "pipeline": "pillow", **changes}
    return case_of(options_of(asked), single=True)


def test_campaigns_and_pairs_know_it_as_another_case(tmp_path: Path) -> None:
    Image.new("RGB", (90, 60), (200, 10, 30)).save(tmp_path / "mine.jpg")
    keys = {request_key(one) for one in (case(pipeline=None), case(), case(photograph=tmp_path / "mine.jpg"))}
    assert len(keys) == 3
    fields = dict.fromkeys(READS) | {"protocol": {}, "device.fingerprint": {}, "model.resolution": (24, 32)}
    fields |= {"model.precision": "fp32", "summary.latency_covers": "whole request, transfer included"}
    one = conditions_from(fields | {"model.pipeline": "pillow", "runtime.facts": {"pipeline": {"version": "11.0"}}})
    other = conditions_from(fields | {"model.pipeline": "pillow", "runtime.facts": {"pipeline": {"version": "9.0"}}})
    assert differences(one, other).obstacles == ("image library 11.0 against 9.0",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"streams": 1}, "one request in flight; leave --streams out"),
        ({"pipeline": None, "photograph": "mine.jpg"}, "--photograph is what --pipeline decodes"),
        ({"model": "calibration-matmul-512"}, "does not take one image, its three channels first"),
        ({"photograph": "none.jpg"}, "cannot be read as an image"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    Image.new("RGB", (9, 6)).save(tmp_path / "mine.jpg")
    (tmp_path / "none.jpg").write_bytes(b"no image")
    named = {name: tmp_path / value if name == "photograph" else value for name, value in changes.items()}
    with pytest.raises(UsageError, match=words):
        case(**named)


@pytest.mark.parametrize(
    ("runner", "transport", "runtime"),
    [
        ("benchmark_model", "adb", "litert"),
        ("bench_onnxruntime", "adb", "onnxruntime"),
        ("trtexec", "local", "tensorrt"),
    ],
)
def test_tools_that_time_the_network_alone_refuse_it(runner: str, transport: str, runtime: str) -> None:
    device = Device(name="there", transport=transport, runner=runner, runtime=runtime)
    asked = options_of({"model": "b0-cls-r224", "device": "there", "pipeline": "pillow"})
    with pytest.raises(UsageError, match=f"{runtime} on there .{runner}. times the network alone"):
        case_of(asked, single=True, device=device)


def test_photographs_have_the_size_that_the_model_is_for() -> None:
    names = ("b1-cls-r224", "b1-seg", "sr-w0.75-bsd100", "sam-l0-box")
    sizes = {name: surroundings_of_spec(load_spec(name)).photograph_size for name in names}
    assert list(sizes.values()) == [(375, 500), (1024, 2048), (160, 240), (480, 640)]
    answers = {name: answer_of(load_spec(name)) for name in (*sizes, "sam-l0")}
    assert list(answers.values()) == ["top-classes", "class-maps", "images", "best-masks", None]
    with Image.open(made_photograph(48, 64)) as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))


def test_labels() -> None:
    workload = Workload("b1-seg", "logits", 1, 1024, 2048, "uint8", "opencv")
    assert workload.label() == "b1-seg uint8 pipeline (opencv)"
    assert workload.subject() == "b1-seg uint8 pipeline (opencv)"
    assert not workload.is_usual_request
