"""Builders in a file of the user's own, with no package around it: `mynet.py:Net`, `net.pt2:program`.

In a Python file `Net` is a class of modules, a function that returns one, or a module; a .pt2 file holds a program
that torch.export saved. Such a builder is known to a process only after `register` or `add`: a spec that comes from
elsewhere (a record that somebody sent) names one, and runs none.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

_PYTHON, _PROGRAM = ".py", ".pt2"


@dataclass(frozen=True)
class UserBuilder:
    """Where the builder of a spec lies."""

    label: str
    """What the spec calls it, as the user wrote it: `nets/mynet.py:Net`."""
    file: Path
    """Absolute."""
    attribute: str
    """Of the file's module: the class, function or module."""

    @property
    def is_program(self) -> bool:
        """Whether the file was saved by torch.export; it is no Python then."""
        return self.file.suffix == _PROGRAM

    @property
    def root(self) -> Path:
        """The folder that imports inside the file start from: its own, or the one that holds its package."""
        folder = self.file.parent
        while (folder / "__init__.py").is_file() and folder != folder.parent:
            folder = folder.parent
        return folder

    @property
    def module(self) -> str:
        """The dotted name of the file's module, seen from `root`."""
        return ".".join(self.file.relative_to(self.root).with_suffix("").parts)


_registered: dict[str, UserBuilder] = {}


def is_user_builder(name: str) -> bool:
    """Whether a builder's name means a file."""
    return name.rpartition(":")[0].endswith((_PYTHON, _PROGRAM))


def register(label: str, folder: Path) -> UserBuilder:
    """Make `FILE.py:NAME` known to this process; a relative file is looked for in `folder`. Nothing is imported.

    Raises SpecError for another form of name, for a file that does not exist, and where the same name already stands
    for another file.
    """
    file_text, _, attribute = label.rpartition(":")
    if not file_text.endswith(_PYTHON) or not attribute.isidentifier():
        raise SpecError(f"{label!r} does not name a module; write FILE.py:NAME, for example mynet.py:Net")
    file = (folder / Path(file_text).expanduser()).absolute()
    if not file.is_file():
        raise SpecError(f"{file_text}: there is no such file in {folder.absolute()}; write FILE.py:NAME")
    if not file.stem.isidentifier():
        raise SpecError(f"{file_text}: Python cannot import a file of this name; rename it to letters, digits and _")
    return add(UserBuilder(label, file, attribute))


def add(builder: UserBuilder) -> UserBuilder:
    """As `register`, of a builder whose file was found. Raises SpecError where its name stands for another file."""
    known = _registered.setdefault(builder.label, builder)
    if known != builder:
        raise SpecError(f"{builder.label!r} stands for {known.file} already; write the whole path of the other")
    return builder


_data_files: dict[str, tuple[Path, ...]] = {}


def note_data_files(label: str, files: Iterable[Path]) -> None:
    """What the builder's file reads while it builds, beside Python: part of what the network is."""
    _data_files[label] = tuple(sorted({*_data_files.get(label, ()), *files}))


def data_files(label: str) -> tuple[Path, ...]:
    """As far as they are known to this process."""
    return _data_files.get(label, ())


def registered(name: str) -> UserBuilder | None:
    """What this process was told of a builder; None where it is none of the user's files, or was never registered."""
    return _registered.get(name)


def require_registered(name: str) -> UserBuilder:
    """Raises SpecError for a file that this process was not told to run."""
    if (builder := registered(name)) is None:
        raise SpecError(
            f"this model was built by {name!r}, a file of whoever measured it; bring your own with --module"
        )
    return builder


def import_builder(builder: UserBuilder) -> Callable[..., torch.nn.Module]:
    """The function that builds: keyword arguments in, a module whose forward returns a tensor or a tuple of tensors.

    Its signature is that of the class or function. Imports the file, with its own folder first among those that are
    searched. Raises SpecError where that fails, or the file has no such name.
    """
    if builder.is_program:
        return _program(builder)
    root = str(builder.root)
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        target = getattr(importlib.import_module(builder.module), builder.attribute, None)
    except ModuleNotFoundError:
        raise  # whoever reads it says which package is missing
    except Exception as error:  # whatever a person's file raises
        raise SpecError(f"{builder.file} cannot be imported: {in_a_line(error)}") from error
    if target is None:
        raise SpecError(f"{builder.file} has nothing called {builder.attribute!r}")
    return _building(builder, target)


def _program(builder: UserBuilder) -> Callable[..., torch.nn.Module]:
    """The function that gives a saved program as a module, which has weights of its own."""
    import torch

    def build() -> torch.nn.Module:
        with torch.device("cpu"):  # it has values, whatever device others are built on
            return _with_plain_outputs(torch.export.unflatten(torch.export.load(builder.file)))

    return build


def _building(builder: UserBuilder, target: Any) -> Callable[..., torch.nn.Module]:
    import torch

    if isinstance(target, torch.nn.Module):
        return lambda: _with_plain_outputs(copy.deepcopy(target))
    if not callable(target):
        raise SpecError(
            f"{builder.label}: {builder.attribute} is neither a class of modules nor a function that returns one"
        )

    @functools.wraps(target, updated=())
    def build(**arguments: Any) -> torch.nn.Module:
        module = target(**arguments)
        if not isinstance(module, torch.nn.Module):
            raise SpecError(f"{builder.label} gives {type(module).__name__}, not a torch.nn.Module")
        return _with_plain_outputs(module)

    build.__signature__ = inspect.signature(target)  # type: ignore[attr-defined]
    return build


def _with_plain_outputs(module: torch.nn.Module) -> torch.nn.Module:
    """The same object, whose forward returns a tensor or a flat tuple of them where it returned a mapping (as those of
    Hugging Face), or tuples and lists within one another. Names of parameters stay as they are."""
    import torch

    own = type(module)

    if isinstance(module, torch.jit.ScriptModule):
        return module

    @functools.wraps(own.forward)
    def forward(self: torch.nn.Module, *inputs: Any, **named: Any) -> Any:
        tensors = flat_outputs(own.forward(self, *inputs, **named))
        return next(iter(tensors.values())) if len(tensors) == 1 else tuple(tensors.values())

    module.__class__ = type(own.__name__, (own,), {"forward": forward, "__module__": own.__module__})
    return module


def named_outputs(module: torch.nn.Module, *inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the forward of a user's module returns, by the names that it gives: see `flat_outputs`."""
    forward = type(module).forward
    return flat_outputs(getattr(forward, "__wrapped__", forward)(module, *inputs))


def flat_outputs(result: Any) -> dict[str, torch.Tensor]:
    """Every tensor that a forward returns, by name: a mapping's keys, `output` alone, or `output_0`, `output_1`, ..."""
    import torch

    if isinstance(result, torch.Tensor):
        return {"output": result}
    tensors: dict[str, torch.Tensor] = {}

    def gather(name: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            tensors[name] = value
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                gather(f"{name}_{key}" if name else str(key), inner)
        elif isinstance(value, tuple | list):
            for index, inner in enumerate(value):
                gather(f"{name or 'output'}_{index}", inner)

    gather("", result)
    return tensors


def in_a_line(error: Exception) -> str:
    """The first line of what a user's own code raised, with the kind of error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
