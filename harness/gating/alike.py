"""What two sides differ in although nobody said that it is meant."""

from __future__ import annotations

from collections.abc import Collection

from latency_bench.harness.identity.differences import Differences


def unmeant(unlike: Differences, across: Collection[str]) -> str | None:
    """In a sentence, with the options that would say so; None where the sides are alike but for `across`.

    A gate asks whether the same thing became slower. Unlike a comparison it never takes a difference for its question.
    """
    asked = [name for name in (unlike.question or "").split(" and ") if name and name not in across]
    texts = [*(text for text in unlike.details if asked and text not in unlike.meant), *unlike.obstacles]
    if not texts:
        return None
    options = " ".join(f"--across {name}" for name in (*asked, *unlike.in_the_way))
    return f"the sides differ: {'; '.join(texts)}. If that is meant, say so with {options}"
