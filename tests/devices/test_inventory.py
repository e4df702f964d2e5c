"""devices.yaml: what is found, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.devices.errors import InventoryError
from latency_bench.devices.inventory import find_device, list_devices
from latency_bench.devices.opening import open_device


@pytest.fixture(autouse=True)
def _nothing_configured(tmp_path, monkeypatch):
    for name in ("BENCH_DEVICES", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_this_computer_needs_no_file():
    assert [device.name for device in list_devices()] == ["local"]
    assert find_device("local").threads == 1


def test_the_nearest_file_wins(tmp_path, monkeypatch):
    _write(tmp_path / "home/.config/bench/devices.yaml", "devices: {of-user: {}}")
    assert find_device("of-user").runtime == "litert"
    _write(tmp_path / "devices.yaml", "devices: {of-folder: {threads: 4}}")
    assert find_device("of-folder").threads == 4
    with pytest.raises(InventoryError):
        find_device("of-user")
    monkeypatch.setenv("BENCH_DEVICES", str(_write(tmp_path / "named.yaml", "devices: {local: {threads: 2}}")))
    assert [device.name for device in list_devices()] == ["local"]
    assert find_device("local").threads == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("devices:\n  orin:\n    thraeds: 4\n", r"devices\.yaml:3: unknown field 'thraeds'"),
        ("devices:\n  orin:\n    threads: many\n", r"devices\.yaml:3: field 'threads'"),
        ("devices:\n  orin: 7\n", r"devices\.yaml:2: devices\.orin must be a mapping"),
        ("devices: {}\nmore: 1\n", r"one field, `devices`"),
        ("- a\n", r"devices\.yaml:1: "),
        ("devices:\n  ../evil: {}\n", r"devices\.yaml:\d: field 'name'"),
        ("devices:\n  a: {}\n  a: {}\n", r"devices\.yaml:3: field 'devices\.a' is given twice"),
        ("devices: !!python/object/apply:os.system [id]\n", r"devices\.yaml:1: devices: values of type .* are not"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_with_line_and_field(tmp_path, text, message):
    _write(tmp_path / "devices.yaml", text)
    with pytest.raises(InventoryError, match=message):
        list_devices()


def test_an_unknown_device_offers_the_nearest_and_says_what_to_write(tmp_path):
    _write(tmp_path / "devices.yaml", "devices: {orin: {}, nano: {}}")
    with pytest.raises(InventoryError, match=r"Did you mean orin\?.*devices:.*devices\.yaml"):
        find_device("orn")


@pytest.mark.parametrize("field", ["transport", "runner", "probes"])
def test_an_unknown_part_lists_those_that_there_are(tmp_path, field):
    value = "[nope]" if field == "probes" else "nope"
    _write(tmp_path / "home/.config/bench/devices.yaml", f"devices: {{mine: {{{field}: {value}}}}}")
    with pytest.raises(InventoryError, match=r"called 'nope'\. Known: "):
        open_device(find_device("mine"))


def test_relative_files_lie_beside_the_file_that_names_them(tmp_path, monkeypatch):
    """Wherever bench is called; those of a home and absolute ones are as they are written."""
    folder = tmp_path / "home/.config/bench"
    _write(
        folder / "devices.yaml",
        "devices: {phone: {transport: adb, runner: benchmark_model, adb: {key: keys/adb},"
        " benchmark_model: {binary: tools/benchmark_model, libraries: [/opt/a.so, ~/b.so, lib/c.so]}}}",
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    device = find_device("phone")
    assert device.benchmark_model.binary == folder / "tools/benchmark_model"
    assert device.adb.key == folder / "keys/adb"
    assert [str(one) for one in device.benchmark_model.libraries] == ["/opt/a.so", "~/b.so", str(folder / "lib/c.so")]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("threads: true", "threads"),
        ("cpus: [0, yes]", r"cpus\[1\]"),
        ("transport: adb\n    adb: {host: phone, port: on}", r"adb\.port"),
    ],
)
def test_a_truth_value_is_no_number(tmp_path, fields, place):
    _write(tmp_path / "home/.config/bench/devices.yaml", f"devices:\n  mine:\n    {fields}\n")
    with pytest.raises(
        InventoryError, match=rf"devices\.yaml:\d+: field '[a-z.]*{place}': expected a number, not true"
    ):
        list_devices()


def test_a_truth_value_stays_one_where_one_is_wanted(tmp_path):
    _write(
        tmp_path / "home/.config/bench/devices.yaml",
        "devices: {mine: {probes: [linux, jetson], lock_clocks: true, runtime_options: {xnnpack: false}}}",
    )
    device = find_device("mine")
    assert (device.settings, device.runtime_options) == ({"lock_clocks": True}, {"xnnpack": False})


@pytest.mark.parametrize(
    ("remedy", "said"),
    [("", "it is gone"), ("Plug it in.", "it is gone. Plug it in."), ("plug it in", "it is gone; plug it in"),
     ("`adb devices` lists them", "it is gone; `adb devices` lists them")],
)  # fmt: skip
def test_message_and_remedy_are_whole_sentences(remedy, said):
    assert str(InventoryError("it is gone", remedy)) == said
