"""The key that a phone knows this computer by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from latency_bench.devices.errors import InventoryError
from latency_bench.devices.temporary_folder import TemporaryFolder

_DEFAULT = "~/.android/adbkey"


def load_signer(path: Path | None) -> Any:
    """A signer of adb-shell's with the key at `path`, which is made if it is missing.

    The private key is readable for its owner alone, also for the moment in which it is written; one that others could
    read is narrowed. Raises InventoryError where the key cannot be read or written.
    """
    from adb_shell.auth.sign_cryptography import CryptographySigner

    key = (path or Path(_DEFAULT)).expanduser()
    try:
        if not key.exists():
            _create(key)
        elif key.stat().st_mode & 0o077:
            key.chmod(0o600)
        if not _public(key).exists():
            from adb_shell.auth.keygen import write_public_keyfile

            write_public_keyfile(str(key), str(_public(key)))
        return CryptographySigner(str(key))
    except (OSError, ValueError) as error:
        raise InventoryError(
            f"the ADB key {key} cannot be used: {error}", "give another one with `adb: {key: ...}` in devices.yaml"
        ) from None


def _public(key: Path) -> Path:
    return key.with_name(key.name + ".pub")


def _create(key: Path) -> None:
    from adb_shell.auth.keygen import keygen

    key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # In a folder of our own first, which nobody else may read, because keygen writes with the user's umask.
    with TemporaryFolder("adbkey", key.parent) as folder:
        fresh = folder / key.name
        keygen(str(fresh))
        fresh.chmod(0o600)
        # The public half first: a private key without it would not be replaced next time.
        os.replace(_public(fresh), _public(key))
        os.replace(fresh, key)
