"""What more than one part of the worker does with a file."""

import hashlib
import os


def file_sha256(path: str) -> str:
    """SHA-256 of a file's content, read in pieces: an engine may be larger than the memory that is free."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def remove(path: str) -> None:
    """Remove a file if it can be; for cleaning up after an error that is worth more than this one."""
    try:
        os.remove(path)
    except OSError:
        pass
