"""Protocols: the shipped profiles, and what a user's own may say."""

from __future__ import annotations

import pytest

from bench_worker.job import parse_job
from latency_bench.harness.errors import UsageError
from latency_bench.harness.protocol import PROFILES, load_protocol, profile_names


@pytest.mark.parametrize("name", ["quick", "standard", "paper", "sustained"])
def test_every_profile_is_one_that_the_worker_takes(name):
    profile = load_protocol(name)
    assert profile.name == name
    request = parse_job(
        {
            "version": 1,
            "runtime": "litert",
            "artifact": "model.tflite",
            "inputs": [{"name": "image", "shape": [1, 3, 4, 4]}],
            "warmup": profile.worker_warmup(),
            "sampling": profile.worker_sampling(),
        },
        "/",
    )
    assert request.warmup.min_ns == int(profile.warmup.min_s * 1e9)
    assert request.sampling.max_count == profile.sampling.max_count


def test_the_shipped_profiles_are_those_that_are_named():
    assert set(profile_names()) == {"quick", "standard", "paper", "sustained"}


def test_the_paper_profile_is_the_authors_command():
    paper = load_protocol("paper")
    assert (paper.sampling.min_count, paper.sampling.max_count) == (100, 100)
    assert paper.sampling.relative_interval is None
    assert (paper.warmup.min_s, paper.warmup.window) == (0.2, 0)


def test_standard_takes_nine_rounds_in_a_campaign_and_fewer_alone():
    standard = load_protocol("standard")
    assert standard.campaign_rounds == 9
    assert standard.rounds < 9
    assert standard.sampling.relative_interval == 0.01


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rounds: 1", "rounds: 0", "field 'rounds'"),
        ("window: 5", "widow: 5", "unknown field 'warmup.widow'"),
        ("min_count: 10, max_count: 20000", "min_count: 10, max_count: 9", "a minimum is larger"),
        ("confidence: 0.95", "confidence: 95", "field 'sampling.confidence'"),
        ("name: quick", "name: [quick", "not valid YAML"),
        ("max_s: 3,", "max_s: .inf,", "field 'warmup.max_s'.* finite"),
        ("confidence: 0.95", "confidence: .nan", "field 'sampling.confidence'"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_field(tmp_path, old, new, message):
    path = tmp_path / "mine.yaml"
    text = (PROFILES / "quick.yaml").read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message) as caught:
        load_protocol(str(path))
    assert str(caught.value).startswith(f"{path}:")


def test_an_unknown_name_lists_the_profiles():
    with pytest.raises(UsageError, match="quick, standard, sustained"):
        load_protocol("fast")


def test_a_user_may_ask_for_a_cool_down(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text((PROFILES / "quick.yaml").read_text() + "cool_down: {below_c: 50, max_s: 120}\n")
    assert load_protocol(str(path)).cool_down.below_c == 50
