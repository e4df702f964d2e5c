"""What bash is offered, asked as its completion script asks."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("words", "offered", "others"),
    [
        (("run", "--device", ""), {"local", "desk"}, set()),
        (("run", "--model", "b1-s"), {"b1-seg"}, {"b2-seg"}),
        (("devices", "doctor", "d"), {"desk"}, {"local"}),
        (("results", "show", "la"), {"latest"}, {"local"}),
        (("pa",), {"pair"}, {"run"}),
    ],
)
def test_names_are_offered(bench, user_devices, words, offered, others):
    user_devices({"desk": {"threads": 2}})
    typed = {"COMP_WORDS": " ".join(("bench", *words)), "COMP_CWORD": str(len(words))}
    done = bench(env={**typed, "_BENCH_COMPLETE": "bash_complete"})
    found = {line.partition(",")[2] for line in done.stdout.splitlines()}
    assert offered <= found, done.stderr
    assert not others & found


def test_a_broken_inventory_offers_nothing_and_says_nothing(bench, tmp_path):
    (tmp_path / "home" / ".config" / "bench").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "bench" / "devices.yaml").write_text("devices: [")
    typed = {"COMP_WORDS": "bench run --device ", "COMP_CWORD": "3", "_BENCH_COMPLETE": "bash_complete"}
    done = bench(env=typed)
    assert (done.stdout.strip(), done.stderr) == ("", "")
