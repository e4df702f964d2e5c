"""What stands in the cells of the paper's tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from latency_bench.harness.identity.setting import Setting
from latency_bench.reports.evidence import Evidence, settings
from latency_bench.reports.papers.catalog import default_paper
from latency_bench.reports.plots.trade_off_points import trade_off_points
from latency_bench.reports.tables.build import build_table
from latency_bench.reports.tables.quantities import Measurements
from latency_bench.reports.tables.table import Cell, Table, mark_of

Make = Callable[..., Any]
LOCAL = Setting("local", "worker", "litert", "fp32", 2, '{"xnnpack": true}')
ROUNDS = 7
PAPER = default_paper()


def rounds(median_ms: float) -> list[float]:
    return [median_ms * (1 + 0.002 * (index - ROUNDS // 2)) for index in range(ROUNDS)]


def measurements(runs: Any, **changes: Any) -> Measurements:
    return Measurements(Evidence(runs), tuple(settings(runs)), **changes)


def cell(table: Table, model: str, key: str, block: int = -1) -> Cell:
    """The cell of a model's row in a column of a block, by default the last."""
    row = next(row for row in table.rows if row.cells[0][0].text == model)
    keys = [column.key for column in table.blocks[block].columns]
    return row.cells[block][keys.index(key)]


def test_every_row_of_the_paper_is_there_in_its_order(table_of: Make) -> None:
    for printed in PAPER.tables:
        table = build_table(printed, measurements(table_of()))
        names = [row.cells[0][0].text.partition(" (r")[0] for row in table.rows]
        assert names == [row.published["model"] for row in printed.rows]
        assert len({row.cells[0][0].text for row in table.rows}) == len(table.rows)


@pytest.mark.parametrize(
    ("number", "sizes"),
    [(1, [4]), (2, [3, 4, 3, 4, 3, 3]), (3, [2, 3, 3, 4, 2]), (4, [3, 2, 6, 2]), (5, [6]), (6, [6])],
)
def test_groups_are_the_papers(number: int, sizes: list[int]) -> None:
    groups = [row.group for row in PAPER.table(str(number)).rows]
    assert [groups.count(group) for group in dict.fromkeys(groups)] == sizes


def test_every_measurable_row_has_one_model() -> None:
    for table in PAPER.tables:
        for part in table.parts:
            for row in table.rows:
                printed = [row.published[name] for name in (*part.latency.values(), *part.throughput.values())]
                assert part.model_of(row) is not None or not any(printed), (table.id, row.name, part.key)


def test_latency_with_its_interval_and_speed_up_over_the_groups_baseline(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("segformer-b1", rounds(100.0)), make_run("b1-seg", rounds(20.0)))
    table = build_table(PAPER.table("3"), measurements(runs))
    latency, speed_up = cell(table, "EfficientViT-B1", "latency_ms"), cell(table, "EfficientViT-B1", "speedup")
    assert latency.value == pytest.approx(20.0)
    assert latency.text == "20.00 [19.88, 20.12]"
    assert speed_up.value == pytest.approx(5.0)
    assert speed_up.low is not None
    assert speed_up.high is not None
    assert 4.9 < speed_up.low < 5.0 < speed_up.high < 5.1
    assert len(speed_up.runs) == 2
    assert cell(table, "SegFormer-B1", "speedup").text == "baseline"


def test_a_ratio_of_too_few_rounds_has_no_interval_and_says_so(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("segformer-b1", [100.0]), make_run("b1-seg", [20.0]))
    speed_up = cell(build_table(PAPER.table("3"), measurements(runs)), "EfficientViT-B1", "speedup")
    assert (speed_up.text, speed_up.low) == ("5.00×", None)
    assert "too few rounds for an interval" in speed_up.notes


def test_what_was_not_measured_says_how_to(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("b1-seg", rounds(20.0)), make_run("b1-seg", rounds(9.0), precision="fp16"))
    table = build_table(PAPER.table("3"), measurements(runs, store="my store"))
    missing = cell(table, "SegNeXt-T", "latency_ms", 2)
    assert (missing.text, missing.status) == ("not measured", "not measured")
    (command,) = missing.commands
    options = "--device local --runtime litert --threads 2"
    assert command.text == f"bench run {options} --precision fp16 --store 'my store' --model segnext-t"
    of_fp32 = next(line for line in table.commands() if "fp16" not in line)
    assert of_fp32.startswith(f"bench run {options} --store 'my store' --model deeplabv3plus-mbv2 --model b0-seg")
    assert "--model b1-seg " not in of_fp32
    assert len(table.commands()) == 2


def test_the_commands_are_ones_that_bench_takes(make_run: Make, table_of: Make) -> None:
    import shlex

    from latency_bench.harness.cli.run import run

    rows = [
        make_run("b1-seg-ade20k", rounds(20.0), runtime_options='{"xnnpack": false}'),
        make_run("b2-seg-ade20k", rounds(20.0), runtime_options='{"xnnpack": false}', batch=16, precision="fp16"),
    ]
    found = measurements(table_of(*rows))
    lines = [line for number in range(1, 7) for line in build_table(PAPER.table(str(number)), found).commands()]
    assert any("--batch 16 --streams 2" in line for line in lines)
    for line in lines:
        run.make_context("run", shlex.split(line)[2:])


def test_a_failure_says_why(make_run: Make, table_of: Make) -> None:
    table = build_table(
        PAPER.table("3"), measurements(table_of(make_run("b0-seg", rounds(1.0)), make_run("segformer-b5")))
    )
    failed = cell(table, "SegFormer-B5", "latency_ms")
    assert (failed.text, failed.commands) == ("failed", ())
    assert failed.notes == ("failed in measure: the device has too little memory",)
    assert len(failed.runs) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "unstable", "flags": ["unstable"]}, "unstable: "),
        ({"throttled": "yes", "flags": ["throttled"]}, "throttled while"),
        ({"latency_covers": "compute alone"}, "not a whole request; the time of: compute alone"),
        ({"fidelity": False}, "do not agree with the fp32 module"),
        ({"flags": ["drift", "bimodal"]}, "flags: drift, bimodal"),
        # What no note of its own tells is told with the flags: a warning of single rounds, four rounds of seven.
        ({"status": "done", "flags": ["unstable"]}, "flags: unstable"),
        ({"throttled": "no", "flags": ["throttled"]}, "flags: throttled"),
        ({"flags": ["few_rounds"]}, "flags: few_rounds"),
        ({"round_samples": [30, 30, 23]}, "few requests: fewer than 24 in some round"),
    ],
)
def test_what_speaks_against_a_number_stands_beside_it(
    make_run: Make, table_of: Make, changes: dict[str, Any], words: str
) -> None:
    table = build_table(PAPER.table("3"), measurements(table_of(make_run("b0-seg", rounds(5.0), **changes))))
    (note,) = cell(table, "EfficientViT-B0", "latency_ms").notes
    assert words in note
    assert table.footnotes() == {note: "a"}


def test_latencies_of_different_things_have_no_ratio(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("segformer-b1", rounds(9.0)), make_run("b1-seg", rounds(2.0), latency_covers="compute"))
    assert cell(build_table(PAPER.table("3"), measurements(runs)), "EfficientViT-B1", "speedup").value is None


def test_conditions_that_differ_leave_no_ratio_unless_they_are_meant(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("segformer-b1", rounds(9.0)), make_run("b1-seg", rounds(2.0), runtime_version="9.9"))
    unlike = cell(build_table(PAPER.table("3"), measurements(runs)), "EfficientViT-B1", "speedup")
    assert (unlike.text, unlike.value) == ("not comparable", None)
    assert unlike.notes == ("no ratio, measured under different conditions: version 9.9 against 2.3.0",)
    meant = cell(build_table(PAPER.table("3"), measurements(runs, across=("runtime",))), "EfficientViT-B1", "speedup")
    assert meant.value == pytest.approx(4.5)
    assert meant.notes == ("compared across: version 9.9 against 2.3.0",)


def test_published_figures_are_compared_on_the_same_device_alone(make_run: Make, table_of: Make) -> None:
    orin = {"device": "orin", "runtime": "tensorrt", "precision": "fp16", "threads": None, "runtime_options": "{}"}
    runs = table_of(make_run("b1-seg", rounds(27.0), **orin))
    keys = [column.key for column in build_table(PAPER.table("3"), measurements(runs)).blocks[-1].columns]
    assert keys == ["latency_ms", "round_samples", "speedup"]
    same = build_table(PAPER.table("3"), measurements(runs, same_as={"orin": "orin"}))
    assert cell(same, "EfficientViT-B1", "latency_to_published").value == pytest.approx(27.0 / 24.3)
    assert cell(same, "EfficientViT-B1", "latency_to_published").notes == ()
    fp32 = build_table(
        PAPER.table("3"), measurements(table_of(make_run("b1-seg", rounds(27.0))), same_as={"local": "orin"})
    )
    assert cell(fp32, "EfficientViT-B1", "latency_to_published").notes == ("the paper measured with TensorRT in fp16",)


def test_throughput_is_that_of_the_papers_batch(make_run: Make, table_of: Make) -> None:
    streams = {"throughput_img_s": 400.0, "streams": 2, "round_throughputs_img_s": [390.0, 400.0, 410.0]}
    rows = [
        make_run("b1-seg-ade20k", rounds(3.0)),
        make_run("b1-seg-ade20k", rounds(50.0), batch=16, **streams),
        make_run("b2-seg-ade20k", rounds(80.0), batch=16),
    ]
    table = build_table(PAPER.table("4"), measurements(table_of(*rows), same_as={"local": "a100"}))
    measured, from_latency = (cell(table, f"EfficientViT-{name}", "img_s") for name in ("B1", "B2"))
    assert (measured.value, measured.notes) == (400.0, ())
    assert from_latency.value == pytest.approx(200.0)
    assert "batch over median latency: one request at a time" in from_latency.notes
    assert cell(table, "EfficientViT-B1", "img_s_to_published").value == pytest.approx(400 / 1142)


def test_throughput_at_batch_1_is_not_the_latency_once_more(make_run: Make, table_of: Make) -> None:
    table = build_table(PAPER.table("3"), measurements(table_of(make_run("b1-seg", rounds(20.0)))))
    assert "img_s" not in [column.key for column in table.blocks[-1].columns]
    assert any("--streams" in remark for remark in table.remarks)


def test_a_table_and_a_figure_print_the_same_throughput(make_run: Make, table_of: Make) -> None:
    runs = table_of(
        make_run("b2-cls-r256", rounds(8.0)),
        make_run("b2-cls-r256", rounds(16.0), batch=8),
        make_run("b2-cls-r256", rounds(160.0), batch=32),
        make_run("b1-seg-ade20k", rounds(5.0)),
        make_run("b1-seg-ade20k", rounds(9.0), batch=2),
    )
    for number, label, model in ((2, "EfficientViT-B2", "b2-cls-r256"), (4, "EfficientViT-B1", "b1-seg-ade20k")):
        in_table = cell(build_table(PAPER.table(str(number)), measurements(runs)), label, "img_s")
        (point,) = trade_off_points(runs, "throughput", [PAPER.table(str(number))]).to_dict("records")
        assert (point["model"], point["speed"]) == (model, pytest.approx(in_table.value))
        assert any(f"at batch {point['batch']}; the paper's is" in note for note in in_table.notes)


def test_an_unstated_batch_is_named(make_run: Make, table_of: Make) -> None:
    runs = table_of(make_run("b2-cls-r256", rounds(8.0)), make_run("b2-cls-r256", rounds(60.0), batch=32))
    notes = cell(build_table(PAPER.table("2"), measurements(runs)), "EfficientViT-B2", "img_s").notes
    assert "at batch 32; the paper's is not stated" in notes


def test_table_6_is_compared_by_throughput(make_run: Make, table_of: Make) -> None:
    rows = [make_run("sam-vit-h", rounds(8000.0), batch=16), make_run("sam-l0-box", rounds(800.0), batch=16)]
    gain = cell(build_table(PAPER.table("6"), measurements(table_of(*rows))), "EfficientViT-SAM-L0", "img_s_gain")
    assert gain.value == pytest.approx(10.0)
    assert gain.low is not None


def test_table_5_has_columns_of_both_data_sets(make_run: Make, table_of: Make) -> None:
    rows = [make_run("restormer-ffhq", rounds(64.0)), make_run("sr-w0.75-ffhq", rounds(10.0))]
    table = build_table(PAPER.table("5"), measurements(table_of(*rows)))
    assert cell(table, "EfficientViT-w0.75", "ffhq_speedup").value == pytest.approx(6.4)
    assert cell(table, "EfficientViT-w0.75", "bsd100_latency_ms").status == "not measured"
    assert cell(table, "VapSR", "ffhq_latency_ms").status == ""


def test_published_speed_ups_are_those_of_the_papers_text(table_of: Make) -> None:
    table = build_table(PAPER.table("5"), measurements(table_of()))
    assert cell(table, "EfficientViT-w0.75", "published_ffhq_a100_ms_bs1_speedup", 1).text == "6.43×"
    assert cell(build_table(PAPER.table("6"), measurements(table_of())), "EfficientViT-SAM-L2",
                "published_a100_img_per_s_speedup", 1).text == "48.9×"  # fmt: skip


def test_a_setting_without_runs_is_shown_where_it_was_asked_for(table_of: Make) -> None:
    found = Measurements(Evidence(table_of()), (LOCAL,), asked_for=(LOCAL,))
    assert cell(build_table(PAPER.table("3"), found), "EfficientViT-B1", "latency_ms").status == "not measured"
    assert len(build_table(PAPER.table("3"), Measurements(Evidence(table_of()), (LOCAL,))).blocks) == 2


def test_marks_count_on_after_z() -> None:
    assert [mark_of(index) for index in (0, 25, 26, 27, 51, 52)] == ["a", "z", "aa", "ab", "az", "ba"]


def test_chosen_columns_stand_beside_every_way_of_measuring(make_run: Make, table_of: Make) -> None:
    from latency_bench.harness.store.columns.registry import find_columns

    runs = table_of(
        make_run("b1-seg", [20.0, 20.2, 20.1], peak_rss_bytes=774 * 2**20, round_samples=[40, 40, 40], low_ms=19.0),
        make_run("b2-seg", [40.0]),
    )
    chosen = tuple(find_columns("peak_rss,n,img_s,latency"))
    measurements = Measurements(Evidence(runs), tuple(settings(runs)), columns=chosen)
    table = build_table(PAPER.table("3"), measurements)
    block = next(place for place, block in enumerate(table.blocks) if block.facts)
    assert [column.title for column in table.blocks[block].columns] == [
        "latency, ms",
        "rounds × requests",
        "speed-up",
        "peak memory",
        "batch / latency, images/s",
        "latency, ms",
    ]
    rows = {row.cells[0][0].text: row.cells[block][1:] for row in table.rows}
    requests, _, memory, rate, latency = rows["EfficientViT-B1"]
    assert (memory.text, memory.value, memory.status, len(memory.runs)) == ("774 MiB", 774 * 2**20, "done", 1)
    assert (requests.text, requests.value) == ("3 × 40", None)
    assert rate.text == "49.75"
    assert (latency.text, latency.low) == ("20.10 [19.00, 20.20]", 19.0)
    assert [rows["EfficientViT-B2"][place].text for place in (0, 2)] == ["–", "–"]
    assert [cell.text for cell in rows["SegFormer-B1"]] == ["–"] * 5


def test_a_latency_says_what_it_rests_on(make_run: Make, table_of: Make) -> None:
    runs = table_of(
        make_run("b1-seg", [20.0, 20.2, 20.1], round_samples=[40, 36, 38]),
        make_run("b2-seg", [40.0], round_samples=[100], flags=["few_rounds"]),
    )
    table = build_table(PAPER.table("3"), Measurements(Evidence(runs), tuple(settings(runs))))
    assert cell(table, "EfficientViT-B1", "round_samples", 2).text == "3 × 36 to 40"
    assert cell(table, "EfficientViT-B2", "round_samples", 2).text == "1 × 100"
    latency = cell(table, "EfficientViT-B2", "latency_ms", 2)
    assert latency.text == "40.00"
    assert latency.notes == ("one round: no interval, for it knows nothing of other processes",)
