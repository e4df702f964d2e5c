"""What can be wrong with a specification, named for what the user can do about it."""

from __future__ import annotations


class SpecError(ValueError):
    """A family file, a spec or its arguments are wrong; the message names file, line and field."""


class UnknownModelError(SpecError):
    """No spec has this id; the message names the nearest ones."""


class CheckpointError(ValueError):
    """A checkpoint does not fit the module; the message names the keys."""
