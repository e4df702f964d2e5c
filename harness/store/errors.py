"""What can go wrong with a store, named for what the user can do about it."""

from __future__ import annotations

import errno
from pathlib import Path


class StoreError(Exception):
    """The store cannot be read or written; the message says where and what to do next."""


class ColumnError(StoreError):
    """A column that is not there, or that a package declares wrongly."""


class StoreLocationError(StoreError):
    """What was given as the store cannot be one."""


class StoreAbsentError(StoreLocationError):
    """There is no such bucket or folder: that is not an empty store."""


class StoreUnreachableError(StoreError):
    """A store at an address does not answer; what is stored is kept here until it does."""


class StoreWarning(UserWarning):
    """Something about a store that stops nothing; shown in one line."""


class NotSentWarning(StoreWarning):
    """Runs are stored here and not at the store's address yet."""


class NotAskedWarning(StoreWarning):
    """The store's address does not answer: what is shown is what was there the last time."""


class StoreFullError(StoreError):
    """No space is left (or the quota is used up): free some, or choose another store."""


class InvalidNameError(StoreError, ValueError):
    """A device, model, run or file name that must not become a path."""


class RunExistsError(StoreError):
    """A run of this id is stored already; stored runs are never overwritten."""


class UnknownRunError(StoreError):
    """No stored run goes by this name; the message offers the nearest ones."""


class AmbiguousRunError(UnknownRunError):
    """Several stored runs begin like this; the message lists them."""


class ArchiveError(StoreError):
    """A file of runs that cannot be read or must not be trusted; nothing of it was imported."""


class BrokenRunError(StoreError):
    """A stored run whose record, samples or telemetry cannot be read."""


class NewerRecordError(BrokenRunError):
    """The record was written by a later version of this program."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# EFBIG too: it is what a process under a file size limit gets instead, and the remedy is the same.


def from_os_error(error: OSError, path: Path, action: str) -> StoreError:
    """The store's error for an operating system's error while trying to `action` at `path`."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return StoreFullError(
            f"cannot {action} {path}: {reason}. Free space there or choose another place with --store."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(f"cannot {action} {path}: {reason}. Choose a place you may write to with --store.")
    return StoreError(f"cannot {action} {path}: {reason}.")
