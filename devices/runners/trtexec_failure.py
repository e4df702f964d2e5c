"""Why a call of trtexec failed, in its own words: which of the many lines of its log say it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench_worker.memory.failure import GPU_OUT_OF_MEMORY

_LINE = re.compile(r"^(?:\[[^\]\n]*\] ?)?\[([VIWEF])\] ?(.*)$")
"""`[04/14/2026-01:43:06] [E] ...`: a time, which some versions leave out, and a severity."""
_BRACKETS = re.compile(r"^(?:\[TRT\] |Error\[\d+\]: )+")
_DUMP = re.compile(r"--- (?:Begin|End) node ---")
"""The node itself, printed as text, stands between these."""
_SUMMARY = re.compile(
    r"Failed to parse onnx file|Parsing model failed|Failed to create engine from model|Engine set up failed"
    r"|Engine could not be created from network|Building engine failed|Inference set up failed"
    r"|Unable to create execution context"
)
"""What trtexec says after its library has said why."""
_LONGEST = 300


@dataclass(frozen=True)
class Failure:
    reason: str | None
    """None where the log says nothing of it."""
    out_of_memory: bool


def failure_of(text: str) -> Failure:
    """Of the log of a call that did not pass."""
    errors = _errors(text)
    of_memory = [one for one in errors if GPU_OUT_OF_MEMORY.search(one)]
    # The one that says how much was asked for, where there is one.
    memory = next(iter(sorted(of_memory, key=lambda one: "byte" not in one)), None)
    if memory is None and "Cuda failure: out of memory" in text:
        memory = "Cuda failure: out of memory"
    if memory is not None:
        return Failure(memory, True)
    telling = [one for one in errors if not _SUMMARY.search(one)]
    reason = next(iter(telling or errors), None)
    node = next((one for one in telling if "Invalid Node" in one), None)
    if reason is not None and node not in (None, reason):
        reason = f"{reason}; {node}"
    return Failure(None if reason is None else reason[:_LONGEST], False)


def _errors(text: str) -> list[str]:
    """Each with the lines that belong to it, which have no severity of their own."""
    errors: list[list[str]] = []
    latest: list[str] = []
    for line in text.splitlines():
        if line.startswith("&&&&"):
            latest = []
        elif found := _LINE.match(line):
            latest = [_BRACKETS.sub("", found[2].strip())]
            if found[1] in "EF":
                errors.append(latest)
        elif line.strip():
            latest.append(line.strip())
    joined = [" ".join(lines)[:_LONGEST] for lines in errors if not _DUMP.search(lines[0])]
    return list(dict.fromkeys(joined))
