"""What a history says of rows of the run table and of pairs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.reports.history.build import History, build_history
from latency_bench.reports.history.commit_chain import CommitChain, CommitRatio, chain_of
from latency_bench.reports.history.run_series import series_of
from latency_bench.reports.html.changes import changes_by_run

BEGAN = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.fixture
def rows(make_run: Any) -> Any:
    def make(levels: list[float], commits: list[str], **changes: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
        """Runs of b1-seg, one a level, with 1 % of noise; `changes`: conditions by dimension from a run on."""
        noise = np.random.default_rng(1).normal(0, 0.01, len(levels))
        made = []
        for index, (level, commit, scatter) in enumerate(zip(levels, commits, noise, strict=True)):
            row = make_run("b1-seg", [level * float(np.exp(scatter))], commit=commit)
            conditions = json.loads(row["conditions"])
            for dimension, since in changes.items():
                for first, fields in since.items():
                    conditions.setdefault(dimension, {}).update(fields if index >= first else {})
            made.append({**row, "conditions": json.dumps(conditions)})
        return made

    return make


def _history(rows: list[dict[str, Any]], chain: CommitChain | None = None, **options: Any) -> History:
    (series,) = series_of(rows)
    return build_history(series, chain or CommitChain(), **options)


def _link(older: str, newer: str, ratio: float, hour: int, width: float = 0.01) -> CommitRatio:
    return CommitRatio(
        older, newer, ratio, ratio * (1 - width / 2), ratio * (1 + width / 2), BEGAN + timedelta(hours=hour)
    )


LEVELS = [100.0] * 20 + [106.0] * 20
COMMITS = ["aaaaaaa"] * 20 + ["bbbbbbb"] * 20


def test_a_slowdown_is_named_with_its_commits_and_what_changed_there(rows: Any) -> None:
    history = _history(rows(LEVELS, COMMITS, runtime={0: {"version": "1"}, 20: {"version": "2"}}))
    (change,) = history.changes
    assert (change.before.commit, change.after.commit) == ("aaaaaaa", "bbbbbbb")
    assert change.change.low < 1.06 < change.change.high
    assert [text for mark in change.marks for text in mark.texts()] == ["runtime: version 1 against 2"]
    assert history.answer()[0] == "slower"
    assert _history(rows(LEVELS[::-1], COMMITS)).answer()[0] == "fine"


def test_a_machine_that_was_replaced_is_no_change_of_the_code(rows: Any) -> None:
    history = _history(rows(LEVELS, ["aaaaaaa"] * 40, device={0: {"cpu": "old"}, 20: {"cpu": "new"}}))
    assert history.changes == ()
    assert [mark.is_another_machine for mark in history.marks()] == [True]
    assert history.answer()[0] == "fine"


@pytest.mark.parametrize(
    ("ratio", "answer", "cause"),
    [(1.0, "fine", "the machine changed, not the code"), (1.06, "slower", "the code changed")],
)
def test_pairs_say_whether_the_code_or_the_machine_did_it(rows: Any, ratio: float, answer: str, cause: str) -> None:
    # Pairs know commits in full, runs by their first digits.
    history = _history(rows(LEVELS, COMMITS), CommitChain((_link("a" * 40, "b" * 40, ratio, 19),)))
    assert cause in (history.changes[0].cause() or "")
    assert history.answer()[0] == answer


def test_pairs_alone_show_what_runs_cannot(rows: Any) -> None:
    chain = CommitChain((_link("v1", "v2", 1.02, 1), _link("v2", "v3", 1.02, 2)))
    history = _history(rows([100.0] * 5, ["v1", "v1", "v2", "v3", "v3"]), chain)
    assert history.code_total is not None
    assert history.code_total.ratio == pytest.approx(1.02**2)
    assert history.answer()[0] == "slower"
    assert _history(rows([100.0] * 5, ["v1"] * 5)).answer()[0] == "cannot tell"


def test_a_chain_adds_the_doubts_of_its_links_whatever_its_form() -> None:
    star = CommitChain((_link("base", "x", 1.1, 1), _link("base", "y", 1.21, 2)))
    found = star.ratio("x", "y")
    assert found is not None
    assert found.ratio == pytest.approx(1.1)
    assert np.log(found.high / found.low) == pytest.approx(np.sqrt(2) * np.log(1.005 / 0.995), rel=0.01)
    assert star.ratio("x", "elsewhere") is None


def test_only_what_happened_since_is_shown(rows: Any) -> None:
    made = rows([*LEVELS, *[106.0] * 20], [*COMMITS, *["ccccccc"] * 20])
    history = _history(made, since=made[45]["started_at"])
    assert (len(history.shown), history.changes) == (15, ())
    assert history.answer()[0] == "fine"


def test_links_come_from_pairs_of_two_commits_of_the_case(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "tests/harness/store/examples/pair_1.json").read_bytes()
    record = parse_pair(text)
    logs = (record.ratios[0].log_ratios[0], record.ratios[0].log_ratios[0] + 0.001)
    estimate = record.ratios[0].model_copy(update={"log_ratios": logs, "standard_errors": (None, None)})
    record = record.model_copy(update={"ratios": (estimate,)})
    same = record.sides[0]
    older, newer = (same.model_copy(update={"labels": {"commit": commit}}) for commit in ("v1", "v2"))
    pair = record.model_copy(update={"sides": (older, newer)})
    key = CaseKey.of_record(same)
    (link,) = chain_of([SimpleNamespace(record=pair)], key).links  # type: ignore[list-item]
    assert (link.older, link.newer) == ("v1", "v2")
    assert link.ratio == pytest.approx(float(np.exp(np.mean(logs))), rel=1e-6)
    renamed = [
        side.model_copy(update={"model": side.model.model_copy(update={"id": "other"})}) for side in (older, newer)
    ]
    for sides in ((same, newer), (older, older), record.sides, renamed):
        other = SimpleNamespace(record=record.model_copy(update={"sides": sides}))
        assert chain_of([other], key).links == ()  # type: ignore[list-item]


def test_versions_of_a_file_without_a_name_are_linked_and_other_files_are_not(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "tests/harness/store/examples/pair_1.json").read_bytes()
    record = parse_pair(text)
    logs = (0.1, 0.11, 0.12)
    estimate = record.ratios[0].model_copy(update={"log_ratios": logs, "standard_errors": (None,) * 3})
    first = record.sides[0]

    def side(model: str, commit: str) -> Any:
        named = first.model.model_copy(update={"id": model})
        return first.model_copy(update={"model": named, "labels": {"commit": commit}})

    def links(older: str, newer: str, of: str) -> tuple[CommitRatio, ...]:
        sides = (side(older, "v1"), side(newer, "v2"))
        pair = SimpleNamespace(record=record.model_copy(update={"ratios": (estimate,), "sides": sides}))
        return chain_of([pair], CaseKey.of_record(side(of, "v3"))).links  # type: ignore[list-item]

    (link,) = links("file-net-11111111", "file-net-22222222", "file-net-33333333")
    assert not link.decides
    assert not link.is_slower  # three pairs of processes are no verdict, as in `bench pair`
    assert "a verdict needs 10" in link.text()
    assert links("file-net-11111111", "file-net-22222222", "file-other-33333333") == ()
    assert links("my-net", "my-net", "file-net-33333333") == ()


def test_the_page_carries_the_changes_of_every_case_with_enough_runs(rows: Any, make_run: Any, table_of: Any) -> None:
    table = table_of(*rows(LEVELS, COMMITS), *(make_run("b2-seg", [level]) for level in LEVELS[16:24]))
    found = changes_by_run(table)
    (change,) = found.values()
    assert table.set_index("run_id").loc[next(iter(found)), "model"] == "b1-seg"
    assert (change["slower"], change["low"] < 1.06 < change["high"]) == (True, True)
    assert changes_by_run(table.iloc[:0]) == {}
