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
