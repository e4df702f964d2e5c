"""What the runtime computed: saved once before the warm-up, and compared with what it computes at the end."""

import hashlib
import zipfile
from collections import OrderedDict
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from .failure import STORAGE, WorkerError
from .files import file_sha256, remove

Arrays = Mapping[str, "np.ndarray"]
_EPOCH = (1980, 1, 1, 0, 0, 0)


def describe(arrays: Arrays) -> List[Dict[str, Any]]:
    """Name, shape, type and SHA-256 of the bytes, one entry an output."""
    return [
        OrderedDict(
            name=name, shape=list(array.shape), dtype=str(array.dtype), sha256=hashlib.sha256(_bytes(array)).hexdigest()
        )
        for name, array in arrays.items()
    ]


def save(path: str, arrays: Arrays) -> str:
    """Write an uncompressed .npz without pickles and return its SHA-256. Equal arrays give equal files."""
    return save_named(path, arrays.items())


def save_named(path: str, named: Iterable[Tuple[str, "np.ndarray"]]) -> str:
    """As `save`, of arrays that come one after the other, of which none is kept.

    Not numpy.savez: it takes names as keyword arguments, and stamps the time into the archive.
    """
    size_bytes = 0
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, array in named:
                size_bytes += array.nbytes
                with archive.open(zipfile.ZipInfo(name + ".npy", _EPOCH), "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
        return file_sha256(path)
    except OSError as error:
        remove(path)
        raise WorkerError(
            STORAGE,
            "cannot write the outputs (%d bytes or more) to %s: %s" % (size_bytes, path, error.strerror or error),
            "free some space there, or name another place",
        )


def drift(first: List[Dict[str, Any]], last: Arrays, saved: Optional[str]) -> Dict[str, Any]:
    """How the last request's outputs differ from the first one's: `bitwise_equal`, and where they differ and the first
    ones were saved, `max_abs_diff` (absent when a difference is not finite: then `finite` is false)."""
    if [entry["sha256"] for entry in first] == [entry["sha256"] for entry in describe(last)]:
        return {"bitwise_equal": True, "max_abs_diff": 0.0}
    result: Dict[str, Any] = {"bitwise_equal": False}
    if saved is not None:
        largest = 0.0
        with np.load(saved, allow_pickle=False) as before:
            for name, array in last.items():
                difference = np.abs(before[name].astype(np.float64) - array.astype(np.float64))
                # max() would let a NaN pass unseen.
                largest = float(np.max([largest, difference.max() if difference.size else 0.0]))
        result["finite"] = bool(np.isfinite(largest))
        if result["finite"]:
            result["max_abs_diff"] = largest
    return result


def _bytes(array: "np.ndarray") -> Any:
    """The array's bytes without a copy of them."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
