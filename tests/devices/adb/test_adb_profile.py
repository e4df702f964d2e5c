"""`bench profile` on a phone: the tool's own profile of one process, stored nowhere."""

from __future__ import annotations

import pytest
from phone_runs import leftovers, records

TINY = ("--model", "b0-cls-r224", "--resolution", "64x64")


def test_it_is_the_tools_own_profile_of_as_many_inferences_as_were_asked_for(bench, tmp_path, write_devices, make_tool):
    write_devices(make_tool("replay"))
    done = bench("profile", "--device", "phone", *TINY, "--requests", "7", "--json")
    assert done.returncode == 0, done.stderr
    convolution, softmax = done.json()
    assert convolution["operator"] == "Convolution (NHWC, F32) IGEMM"
    assert (convolution["calls"], softmax["calls"]) == (1, 1)
    assert convolution["time_ms"] == pytest.approx(0.009)
    assert (convolution["share"], softmax["share"]) == (pytest.approx(0.75), pytest.approx(0.25))
    assert records(tmp_path) == []
    assert not leftovers(tmp_path)


def test_a_tool_that_writes_no_profile_is_told(bench, write_devices, make_tool):
    write_devices(make_tool("crash"))
    done = bench("profile", "--device", "phone", *TINY)
    assert done.returncode == 1
    assert "wrote no profile" in done.stderr
    assert "Traceback" not in done.stderr
