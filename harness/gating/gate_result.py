"""What a gate says of each case, and of all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from latency_bench.harness.number_text import ratio_text, ratio_words
from latency_bench.harness.statistics.gate_answer import Answer, RatioEvidence


@dataclass(frozen=True)
class GatedCase:
    """One case. `baseline` and `candidate` say which evidence stands on each side; `detectable` is the smallest ratio
    that would have been called worse, None where there is no interval or no ratio was judged."""

    name: str
    answer: Answer
    reason: str
    baseline: str = ""
    candidate: str = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None


@dataclass(frozen=True)
class GateResult:
    cases: tuple[GatedCase, ...]

    def count(self, answer: Answer) -> int:
        """How many cases have this answer."""
        return sum(case.answer == answer for case in self.cases)

    @property
    def answer(self) -> Answer:
        """Worse if any case is; fine only if all are."""
        if self.count("worse"):
            return "worse"
        return "fine" if self.cases and self.count("fine") == len(self.cases) else "cannot tell"

    def to_json(self) -> dict[str, Any]:
        """What `bench gate --json` prints."""
        counts = {"fine": self.count("fine"), "worse": self.count("worse"), "cannot_tell": self.count("cannot tell")}
        return {"answer": self.answer, **counts, "cases": [asdict(case) for case in self.cases]}


def answer_words(answer: Answer, one: RatioEvidence, reasons: Sequence[str]) -> str:
    """The answer in a sentence with its figures, and what else it rests on."""
    seen = "no ratio could have been called worse"
    if one.detectable is not None:
        seen = f"a ratio of {ratio_text(one.detectable)} or more would have been seen"
    words: dict[Answer, str] = {
        "fine": f"at most {one.limit:.4g} times the baseline",
        "worse": f"more than {one.limit:.4g} times the baseline",
        "cannot tell": seen,
    }
    return "; ".join([f"{words[answer]}: {ratio_words(one.ratio, one.low, one.high)}", *reasons])
