"""Our own lines on stderr are taken out, however the stream is cut, and nothing else is."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from latency_bench.devices.transports.adb_script import MarkedLines, guarded, new_mark

MARK = "@bench-0123456789abcdef"


def _fed(data: bytes, cuts: list[int]) -> tuple[bytes, int | None]:
    marked = MarkedLines(MARK)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    kept = b"".join(marked.feed(data[low:high]) for low, high in itertools.pairwise(places))
    return kept + marked.end(), marked.exit_code


@example(b"err\n", 0, [3, 9, 20])
@example(b"no line break", 3, [])
@example(b"@bench-", 255, [5])
@given(st.binary(max_size=60), st.integers(0, 255), st.lists(st.integers(0, 200), max_size=8))
def test_what_a_command_prints_survives_with_its_exit_code(text, code, cuts):
    data = f"{MARK}:alive\n".encode() + text + f"\n{MARK}:{code}\n".encode()
    assert _fed(data, cuts) == (text, code)


def test_a_sign_of_life_in_the_middle_of_a_line_is_taken_out():
    assert _fed(f"half{MARK}:alive\n and half\n\n{MARK}:0\n".encode(), [7]) == (b"half and half\n", 0)


def test_a_stream_that_is_cut_off_has_no_exit_code():
    assert _fed(f"{MARK}:alive\nsaid\n\n{MARK}:".encode(), [])[1] is None


def test_a_command_cannot_forge_its_exit_code():
    assert new_mark() != new_mark()
    assert _fed(f"@bench-ffffffffffffffff:0\n\n{MARK}:7\n".encode(), [])[1] == 7


def test_the_guard_works_in_a_plain_shell_too(tmp_path: Path):
    script = guarded(["sh", "-c", "echo $0 $X; exit 9", "a b"], str(tmp_path), {"X": "y z"}, 30, MARK)
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = process.stdout.read(), process.stderr.read()
        assert process.wait() == 9
    assert out == b"a b y z\n"
    assert f"{MARK}:9\n".encode() in err
