"""The commands that measure take the same options of a model and of how it runs, in the same order."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import click
import pytest
from PIL import Image

from latency_bench.harness.cli.main import bench as root

MEASURING = ("run", "profile", "sweep", "pair", "gate", "export", "accuracy", "attention")
OF_ITS_OWN = {"--name", "--seed", "--against"}
"""A sweep's name is the campaign's, a pair's seed that of its turns, and what something is held against differs."""
SAID_ALIKE = {
    *("--arguments", "--cpus", "--weights", "--check-image", "--calibration", "--runtime-option"),
    *("--shape", "--dim", "--reference", "--wait", "--quiet", "--json"),
}
"""Options whose words are the same wherever they stand."""
CONDITIONS = {
    *("--runtime", "--precision", "--resolution", "--batch", "--threads", "--cpus", "--weights", "--seed"),
    *("--calibration", "--runtime-option", "--output", "--input-type"),
}


def parameters_of(name: str) -> list[click.Option]:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def options_of(name: str) -> list[str]:
    return [option.opts[0] for option in parameters_of(name)]


@pytest.mark.parametrize(("one", "other"), list(combinations(MEASURING, 2)))
def test_common_options_stand_in_one_order(one: str, other: str) -> None:
    of_one, of_other = ([name for name in options_of(words) if name not in OF_ITS_OWN] for words in (one, other))
    assert [name for name in of_one if name in of_other] == [name for name in of_other if name in of_one]


@pytest.mark.parametrize("name", ["plot", "table", "history", "report"])
def test_runs_are_selected_in_the_order_in_which_they_are_asked_for(name: str) -> None:
    in_run, here = options_of("run"), options_of(name)
    selecting = [option for option in here if option in {"--device", "--model", "--runtime", *CONDITIONS}]
    assert selecting == sorted(selecting, key=in_run.index)


@pytest.mark.parametrize("name", MEASURING)
def test_common_options_are_one_declaration(name: str) -> None:
    said, as_in_run = (
        {option.opts[0]: option.help for option in parameters_of(words) if option.opts[0] in SAID_ALIKE}
        for words in (name, "run")
    )
    assert {option: as_in_run[option] for option in said if option in as_in_run} == {
        option: said[option] for option in said if option in as_in_run
    }
    assert len(said) > 4


@pytest.mark.parametrize("name", ["run", "profile", "sweep"])
def test_whatever_says_how_a_model_runs_is_taken(name: str) -> None:
    assert set(options_of(name)) >= CONDITIONS


def test_a_sweep_gives_each_model_its_checkpoint_and_int8_its_calibration(tmp_path: Path) -> None:
    from latency_bench.harness.campaign.products import requests_of
    from latency_bench.harness.cli.sweep import sweep

    (tmp_path / "b0.pt").write_bytes(b"")
    (tmp_path / "photos").mkdir()
    Image.effect_noise((64, 64), 20).convert("RGB").save(tmp_path / "photos" / "noise.png")
    words = ["--model", "b0-cls-r224", "--model", "b1-cls-r224", "--weights", f"b0-cls-r224={tmp_path / 'b0.pt'}"]
    words += ["--precision", "fp32", "--precision", "int8", "--calibration", str(tmp_path / "photos")]
    words += ["--output", "logits", "--streams", "1", "--seed", "3", "--runtime-option", "xnnpack=false"]
    asked = _asked(sweep, words)
    from latency_bench.devices.inventory import find_device

    requests = requests_of(asked, find_device)
    assert len(requests) == 4
    for one in requests:
        assert (one.weights is not None) == (one.model == "b0-cls-r224")
        assert (one.calibration is not None) == (one.precision == "int8")
        assert (one.streams, one.seed, one.runtime_options) == (1, 3, {"xnnpack": False})


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--weights", "b0.pt"], "say which model it is for"),
        (["--calibration", "photos"], "--calibration is for --precision int8"),
    ],
)
def test_what_is_for_no_case_is_refused_before_anything_runs(
    bench: Any, tmp_path: Path, words: list[str], why: str
) -> None:
    (tmp_path / "b0.pt").write_bytes(b"")
    (tmp_path / "photos").mkdir()
    done = bench("sweep", "--model", "b0-cls-r224", "--model", "b1-cls-r224", *words, "--dry-run")
    assert done.returncode == 2
    assert why in done.stderr


def _asked(command: click.Command, words: list[str]) -> Any:
    """The campaign that a command line means."""
    from latency_bench.harness.cli import sweep as module

    seen: list[Any] = []
    context = command.make_context("sweep", words)
    callback = command.callback
    assert callback is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_pairs", lambda asked, plan: seen.append(asked) or ())
        patch.setattr(module, "_show_plan", lambda plan, store, as_json: 0)
        context.params["dry_run"] = True
        with context:
            callback(**context.params)
    return seen[0]
