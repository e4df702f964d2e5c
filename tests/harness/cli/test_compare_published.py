"""`bench compare --published`: stored runs beside what others published for their models."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from latency_bench.harness.cli.compare import compare

STORE = Path(__file__).parents[3] / "results"
RUN = "epyc-milan/convnext-t-r224"
OTHER = "epyc-milan/convnext-s-r224"


def compared(*words: str) -> Result:
    return CliRunner().invoke(compare, [*words, "--store", str(STORE)], terminal_width=200)


def test_one_run_is_placed_without_a_second() -> None:
    found = json.loads(compared(RUN, "--published", "--json").stdout)
    assert list(found["published"]) == ["convnext-t-r224"]
    published = found["published"]["convnext-t-r224"]
    assert {"phone", "gpu", "cpu"} <= {one["kind"] for one in published}
    assert all(one["source"] and one["confidence"] in "ABCD" for one in published)
    assert found["own"]
    assert all(one["run"].startswith(RUN) for one in found["own"])
    assert all("common models" in one["words"] for one in found["own"])
    shown = compared(RUN, "--published").stdout
    assert "published of convnext-t-r224" in shown
    assert found["own"][0]["run"] in shown


def test_both_sides_of_a_comparison_are_placed_for_people_and_for_programs() -> None:
    found = json.loads(compared(RUN, OTHER, "--published", "--json").stdout)
    assert found["cases"]
    assert set(found["published"]) == {"convnext-t-r224", "convnext-s-r224"}
    assert {one["run"].rsplit("/", 1)[0] for one in found["own"]} == {RUN, OTHER}
    assert "published" not in json.loads(compared(RUN, OTHER, "--json").stdout)


def test_one_side_alone_needs_what_was_published() -> None:
    refused = compared(RUN)
    assert refused.exit_code == 2
    assert "name two sides, A and B, or one run with --published" in refused.output
