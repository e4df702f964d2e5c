"""docs/is-my-number-good.md walks through every flag that there is, and through no other."""

from __future__ import annotations

import re
from pathlib import Path

from latency_bench.harness.statistics.flags import FlagKind

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "is-my-number-good.md"
_RAISED = re.compile(r"(?:\bFlag\(\s*name=|ProbeFlag\(\s*)\"([a-z_]+)\"")


def test_every_flag_is_on_the_page() -> None:
    raised = {kind.value for kind in FlagKind}
    for folder in ("harness", "devices"):
        for path in (ROOT / folder).rglob("*.py"):
            raised |= set(_RAISED.findall(path.read_text(encoding="utf-8")))
    listed = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(), re.M))))
    assert raised - listed == set(), "flags that the page does not explain"
    assert len(listed) >= len(raised)
