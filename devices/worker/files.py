"""What more than one part of the worker does with a file."""

import hashlib
import os
from typing import BinaryIO


def file_sha256(path: str) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as stream:
        return stream_sha256(stream)


def stream_sha256(stream: BinaryIO) -> str:
    """SHA-256 of what follows, read in pieces: an engine may be larger than the memory that is free."""
    digest = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def remove(path: str) -> None:
    """Remove a file if it can be; for cleaning up after an error that is worth more than this one."""
    try:
        os.remove(path)
    except OSError:
        pass
