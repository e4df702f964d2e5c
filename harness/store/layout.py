"""Where a run lies: <store>/<device>/<model>/<run id>/, and which names may become part of a path."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from latency_bench.harness.store.errors import InvalidNameError

RECORD_FILE = "record.json"
SAMPLES_FILE = "samples.parquet"
TELEMETRY_FILE = "telemetry.parquet"
IMAGES_FILE = "images.parquet"
EVIDENCE_FOLDER = "evidence"
CHECKSUMS_FILE = "SHA256SUMS"
"""What `sha256sum` prints for every other file of the run; runs of before it have none."""
PENDING_FOLDER = ".pending"
"""In a mirror: a file for every run that is stored there and not at the address yet."""
QUARANTINE_FOLDER = ".quarantine"
"""In a store: what `bench results verify --set-aside` moved out of the way. A name with a leading dot is no device."""
STAGING_PREFIX = ".tmp-import-"
"""In a store: runs on their way in, before they are moved to their places."""

PAIRS_FOLDER = "_pairs"
"""In a device's folder, beside those of models: paired measurements, which are of several. No model has such a name."""

ACCURACY_FOLDER = "_accuracy"
"""Likewise: how often a deployed artifact was right."""
OTHER_KINDS = (PAIRS_FOLDER, ACCURACY_FOLDER)
"""What lies in a store and is no run of a model."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*")
"""ASCII letters, digits, `_`, `-` and single dots: no separator, no leading dot, no `..` on any file system."""
_NAME_MAX_LENGTH = 80

_RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
_TEMPORARY = re.compile(r"\.tmp-(?:(?P<run_id>[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})|import-[0-9a-f]{8})-(?P<pid>[0-9]{1,10})")


def new_run_id(now: datetime | None = None) -> str:
    """A run id that sorts by time, e.g. `20261122T101500Z-3f9a1c`: UTC to the second, then 24 random bits.

    The random part keeps apart runs that start within one second, on one host or on several that share the store.
    """
    moment = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    return f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def is_name(text: str) -> bool:
    """Whether `text` can be a device's, a model's or a file's name in the store."""
    return len(text) <= _NAME_MAX_LENGTH and not text.endswith(".") and _NAME.fullmatch(text) is not None


def is_run_id(text: str) -> bool:
    """Whether `text` has the form of a run id."""
    return _RUN_ID.fullmatch(text) is not None


def checked_name(text: str, what: str) -> str:
    """`text` itself if it may become one component of a path; `what` names it in the error.

    Raises InvalidNameError.
    """
    if not is_name(text):
        raise InvalidNameError(
            f"{what} {text!r} cannot be a folder's or file's name: use 1 to {_NAME_MAX_LENGTH} of A-Z a-z 0-9 . _ -, "
            "beginning with a letter or digit, without a dot at the end or two dots in a row."
        )
    return text


def checked_run_id(text: str) -> str:
    """`text` itself if it is a run id. Raises InvalidNameError."""
    if not is_run_id(text):
        raise InvalidNameError(f"{text!r} is not the id of a run; one looks like 20261122T101500Z-3f9a1c.")
    return text


def is_runs_folder(text: str) -> bool:
    """Whether a device's folder can have one of this name that holds runs of a model, or something of another kind."""
    return text in OTHER_KINDS or is_name(text)


def holds(folder: str, model: str | None) -> bool:
    """Whether what is looked for lies in a device's `folder` of this name: the runs of `model`, or of every model.

    Other kinds (OTHER_KINDS) are looked for by their own name alone.
    """
    return is_name(folder) if model is None else folder == model and is_runs_folder(folder)


def model_folder(store: Path, device: str, model: str) -> Path:
    """The folder that holds a model's runs on a device, or the pairs measured there. Raises InvalidNameError."""
    return store / checked_name(device, "device") / (model if model in OTHER_KINDS else checked_name(model, "model"))


def run_folder(store: Path, device: str, model: str, run_id: str) -> Path:
    """The folder of a run. Raises InvalidNameError."""
    return model_folder(store, device, model) / checked_run_id(run_id)


def temporary_folder(store: Path, device: str, model: str, run_id: str) -> Path:
    """Where a run is assembled: beside its place, hence on the same file system, where a rename is atomic."""
    return model_folder(store, device, model) / f".tmp-{checked_run_id(run_id)}-{os.getpid()}"


def staging_folder(store: Path) -> Path:
    """Where runs that come in together are checked, before each is moved to its place."""
    return store / f"{STAGING_PREFIX}{secrets.token_hex(4)}-{os.getpid()}"


def temporary_pid(name: str) -> int | None:
    """Process id in the name of a temporary folder; None if `name` is not one."""
    match = _TEMPORARY.fullmatch(name)
    return int(match["pid"]) if match else None


def is_run_file(relative: str) -> bool:
    """Whether `relative` (with `/`) can be a file that a record lists: a fixed name, or one in evidence/."""
    if relative in (SAMPLES_FILE, TELEMETRY_FILE, IMAGES_FILE):
        return True
    folder, slash, name = relative.partition("/")
    return bool(slash) and folder == EVIDENCE_FOLDER and is_name(name)


def check_run_names(run_id: str, folders: Mapping[str, str], files: Iterable[str]) -> None:
    """That what a record names lies in its own folder. `folders`: names of folders, by what they stand for.

    Raises ValueError, which pydantic turns into its own.
    """
    if not is_run_id(run_id):
        raise ValueError(f"{run_id!r} is not the id of a run")
    for what, name in folders.items():
        if not is_name(name):
            raise ValueError(f"{what} {name!r} cannot be a folder's name")
    for relative in files:
        if not is_run_file(relative):
            raise ValueError(f"{relative!r} cannot be a file of a run")
