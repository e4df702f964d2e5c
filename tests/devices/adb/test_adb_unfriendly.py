"""A device that does not trust this computer, one that never answers, and what is made of the user's key."""

from __future__ import annotations

import os
import stat

import pytest

from latency_bench.devices.errors import InventoryError, UnreachableError
from latency_bench.devices.transports.adb import open_link
from latency_bench.devices.transports.adb_keys import load_signer
from latency_bench.devices.transports.adb_options import AdbOptions


@pytest.mark.parametrize("backend", ["program", "adb-shell"])
def test_an_unauthorised_device_says_what_to_do(fake, tmp_path, backend, monkeypatch):
    monkeypatch.setattr("latency_bench.devices.transports.adb_direct._AUTHORISE_S", 1.0)
    options = AdbOptions(host="127.0.0.1", port=fake(True), backend=backend, key=tmp_path / "adbkey")
    with pytest.raises(UnreachableError, match=r"does not trust this computer.*accept the dialog"):
        open_link(options)


@pytest.mark.parametrize("backend", ["program", "adb-shell"])
def test_a_device_that_never_answers_is_given_up(fake, tmp_path, backend, monkeypatch):
    monkeypatch.setattr("latency_bench.devices.transports.adb_direct._CONNECT_S", 1.0)
    options = AdbOptions(host="127.0.0.1", port=fake(False), backend=backend, key=tmp_path / "adbkey")
    with pytest.raises(UnreachableError, match=r"offline|did not answer|cannot connect|not attached"):
        open_link(options)


def test_a_missing_key_is_made_for_its_owner_alone(tmp_path):
    pytest.importorskip("adb_shell")
    key = tmp_path / "android" / "adbkey"
    before = os.umask(0)
    try:
        signer = load_signer(key)
    finally:
        os.umask(before)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert len(signer.Sign(b"x" * 20)) == 256
    content = key.read_bytes()
    load_signer(key)
    assert key.read_bytes() == content, "a key that is there is not replaced: every phone would ask again"


def test_a_key_that_others_can_read_is_narrowed_and_a_broken_one_is_said(tmp_path):
    pytest.importorskip("adb_shell")
    key = tmp_path / "adbkey"
    load_signer(key)
    key.chmod(0o644)
    load_signer(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.write_text("nonsense")
    with pytest.raises(InventoryError, match="cannot be used"):
        load_signer(key)


def test_a_program_that_is_not_there_is_said():
    with pytest.raises(InventoryError, match="is not there"):
        open_link(AdbOptions(program="/no/such/adb"))
