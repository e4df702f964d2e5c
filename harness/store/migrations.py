"""Older records stay readable: one step a version.

History of the format, one line a version:
    1  the first.

A new version is a new function `_to_<n>` at the end of STEPS and a new line above. docs/store.md says which change of
the fields needs one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from latency_bench.harness.store.errors import BrokenRunError, NewerRecordError

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: tuple[Step, ...] = ()
"""STEPS[0] turns a record of version 1 into one of version 2, and so on. A step need not touch `schema_version`."""


def newest_version(steps: Sequence[Step] = STEPS) -> int:
    """The version that the last step leads to."""
    return 1 + len(steps)


def version_of(record: object) -> int:
    """`schema_version` of a parsed record. Raises BrokenRunError where there is none."""
    if not isinstance(record, dict):
        raise BrokenRunError("the record is not a JSON object.")
    version = record.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BrokenRunError(f"the record's schema_version is {version!r}, and it has to be a whole number from 1 on.")
    return version


def migrate(record: dict[str, Any], steps: Sequence[Step] = STEPS) -> dict[str, Any]:
    """The record in the newest version. The argument is left as it is.

    Raises NewerRecordError for a version that is not known yet, BrokenRunError for a record that a step cannot read.
    """
    version, newest = version_of(record), newest_version(steps)
    if version > newest:
        raise NewerRecordError(
            f"the record has schema_version {version}, this program reads up to {newest}. Update it to read this run."
        )
    for number, step in enumerate(steps[version - 1 :], start=version + 1):
        try:
            record = {**step(dict(record)), "schema_version": number}
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise BrokenRunError(
                f"the record does not fit its schema_version {number - 1}: {type(error).__name__} {error}."
            ) from error
    return record
