"""Files of arrays that a user brings, or that a killed process may have left: read, or refused in one way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class UnreadableArraysError(ValueError):
    """A file that does not hold what was asked for, or that ends too early; the message says why, in one line."""


def named_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of an .npz file by name. Raises UnreadableArraysError."""
    import numpy as np

    loaded = _loaded(path, None)
    if isinstance(loaded, np.ndarray):
        raise UnreadableArraysError("it is one array; write an .npz file of named arrays with numpy.savez")
    try:
        with loaded as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # a zip file may be wrong in many ways, each with an exception of its own
        raise UnreadableArraysError(_line(error)) from error
    if unlike := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise UnreadableArraysError(f"its entry {unlike[0]!r} is not an array")
    return arrays


def single_array(path: Path) -> npt.NDArray[np.generic]:
    """The array of an .npy file, mapped and not read. Raises UnreadableArraysError."""
    import numpy as np

    loaded = _loaded(path, "r")
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise UnreadableArraysError("it is an .npz file of several arrays; write one with numpy.save")
    return loaded


def _loaded(path: Path, mmap_mode: Literal["r"] | None) -> Any:
    import numpy as np

    if not path.is_file():  # a pipe would be waited for
        raise UnreadableArraysError("the file does not exist")
    try:
        return np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except OSError as error:
        raise UnreadableArraysError(error.strerror or _line(error)) from error
    except Exception as error:
        raise UnreadableArraysError(_line(error)) from error


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
