"""What can go wrong in an export, named for what the user can do about it."""

from __future__ import annotations

import errno

NO_SPACE_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Device full, quota exceeded, file larger than allowed."""


class ExportError(RuntimeError):
    """The model, the format or the options do not go together, or a converter failed; the message says which."""


class ExportOutOfMemoryError(ExportError):
    """The conversion ran out of memory; export on a larger machine, or at a smaller resolution or batch."""


class MissingPackageError(ExportError):
    """A converter is not installed; the message has the line that installs it."""


class UnknownFormatError(ExportError):
    """There is no such file format, or a third party's cannot be used: the request has to change."""


class CacheError(RuntimeError):
    """The cache directory cannot be used: no space left, no permission; the message names the directory."""
