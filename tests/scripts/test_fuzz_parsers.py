"""Every parser of what devices print, against recorded text that was damaged at random. Seeds are fixed."""

from __future__ import annotations

import pytest

NAMES = (
    *("worker", "trtexec times", "trtexec log", "trtexec help", "trtexec outputs", "benchmark_model"),
    *("benchmark_model profile", "benchmark_model flags", "tegrastats", "nvidia-smi", "linux", "jetson", "container"),
    *("phone readings", "phone properties", "phone zones", "phone condition", "phone cores", "phone offline cores"),
    *("cpu list", "doctor", "adb", "benchmark_model failures", "lock holder"),
)


@pytest.fixture(scope="module")
def fuzzer(load_script):
    return load_script("scripts/fuzz_parsers.py")


def test_every_parser_is_named_here(fuzzer):
    assert tuple(fuzzer.targets()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_text_is_read_or_refused(fuzzer, name):
    seeds, parser = fuzzer.targets()[name]
    assert list(fuzzer.fuzz(name, seeds, parser, 1500)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_flood_of_one_kind_of_character_is_read_in_time_that_grows_with_it(fuzzer, name):
    """A pattern that backtracks would need hours for these."""
    parser = fuzzer.targets()[name][1]
    parts = ("count=1", "Inference (avg): 1", "RAM 1", "9", "_", " ", "a", "-", "[W] ", "A@1", "\n1")
    floods = {f"flood {index}": part + part[-1] * 200_000 for index, part in enumerate(parts)}
    for flood in (*floods.values(), *(part * 50_000 for part in parts)):
        assert not list(_once(fuzzer, flood, parser))


def _answer(fuzzer, parser, text):
    """The numbers that a parser makes of a text, or that it refuses it."""
    from latency_bench.devices.errors import DeviceError

    try:
        return list(fuzzer.numbers(parser(text)))
    except DeviceError:
        return "refused"


@pytest.mark.parametrize("name", NAMES)
def test_digits_of_another_script_are_letters(fuzzer, name):
    """Python takes them for digits; no tool prints them."""
    seeds, parser = fuzzer.targets()[name]
    for text in seeds:
        of_arabic, of_letters = (
            _answer(fuzzer, parser, text.translate(str.maketrans("0123456789", digits)))
            for digits in ("٠١٢٣٤٥٦٧٨٩", "qqqqqqqqqq")
        )
        assert of_arabic == of_letters


def _once(fuzzer, text, parser):
    from latency_bench.devices.errors import DeviceError

    try:
        yield from fuzzer.not_finite(parser(text))
    except DeviceError:
        return
