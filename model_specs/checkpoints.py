"""Checkpoint files into our modules: strictly (no key missing or left over, every shape equal), running no code.

Safetensors (`.safetensors`) are read, and PyTorch files that hold a state dict, bare or under one of the keys that
training frameworks use, with our own names or with those of published files (docs/checkpoints.md has a table of them).
PyTorch files are unpickled with `weights_only=True`: a file that would run code is refused.
"""

from __future__ import annotations

import argparse
import pickle
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from latency_bench.model_specs.errors import CheckpointError
from latency_bench.model_specs.published_names import HasPublishedNames

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from latency_bench.model_specs.architectures.efficientvit.author_keys import AuthorLayout

KEYS_SHOWN = 8
WRAPPING_KEYS = (
    "params_ema", "ema_state_dict", "state_dict_ema", "model_ema", "state_dict", "params", "model_state_dict", "model",
    "ema",
)  # fmt: skip
"""What frameworks keep a state dict under; averaged parameters before the last ones, where a file has both."""
PREFIXES = ("module.", "_orig_mod.")
"""Of every name in a file that was saved from several GPUs or as a running average, or from a compiled module."""
AVERAGED_COUNT = "n_averaged"
"""How many models torch's AveragedModel took the mean of."""
COUNTER = ".num_batches_tracked"
"""Of batch normalisation; nothing that is computed in evaluation depends on it, and older files have none."""


@runtime_checkable
class HasAuthorLayout(Protocol):
    """A module that knows what published checkpoints call its parameters (a composition, another family)."""

    def author_layout(self) -> AuthorLayout: ...


def load_checkpoint(module: torch.nn.Module, path: Path) -> None:
    """Load the parameters and buffers of `path` into `module`, in place.

    Raises CheckpointError, naming the keys, and leaves the module as it was.
    """
    own = module.state_dict()
    state = read_state(path)
    if not state.keys() <= own.keys():
        state = _renamed(module, _without_prefix(state), path)
    state |= {key: own[key] for key in own.keys() - state.keys() if key.endswith(COUNTER)}
    problems = [
        *_listed("missing", own.keys() - state.keys()),
        *_listed("left over", state.keys() - own.keys()),
        *_listed(
            "of another shape",
            (
                f"{key} ({_shape(state[key])} in the file, {_shape(own[key])} in the model)"
                for key in own.keys() & state.keys()
                if state[key].shape != own[key].shape
            ),
        ),
    ]
    if problems:
        raise CheckpointError(f"{path} does not fit the model; keys " + "; ".join(problems))
    module.load_state_dict(state, strict=True)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint file by name. Raises CheckpointError if there are none or it is not safe to read."""
    if not path.is_file():
        raise CheckpointError(f"the checkpoint {path} does not exist")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pytorch(path)
    content = _unwrapped(content)
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f"{path} does not hold a state dict but a {type(content).__name__}; save `model.state_dict()`"
        )
    return _only_tensors(content, path)


def _unwrapped(content: Any) -> Any:
    """The state dict inside whatever training frameworks put around it, twice at most."""
    for _ in range(2):
        if not isinstance(content, Mapping):
            return content
        inner = next((content[key] for key in WRAPPING_KEYS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            return content
        content = inner
    return content


def _without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    named = {key: tensor for key, tensor in state.items() if key != AVERAGED_COUNT}
    for prefix in PREFIXES:
        if named and all(key.startswith(prefix) for key in named):
            return _without_prefix({key.removeprefix(prefix): tensor for key, tensor in named.items()})
    return state


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise CheckpointError(f"{path}: reading it needs safetensors: pip install safetensors") from error
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as a safetensors file: {error}") from None


_DAMAGED = "is damaged, cut short or not a PyTorch checkpoint; copy or download it again"


def _read_pytorch(path: Path) -> Any:
    import torch

    try:
        with torch.serialization.safe_globals(_plain_values()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch's own message is full of advice to switch the protection off.
        detail = re.search(r"WeightsUnpickler error:\s*(.+)", str(error))
        if detail is None:
            raise CheckpointError(f"{path}: {_DAMAGED}") from None
        named = re.search(r"\bGLOBAL (\S+)", detail[1])
        raise CheckpointError(
            f"{path} was not read: it holds more than tensors and might run code"
            f" ({f'it names {named[1]}' if named else detail[1].strip()}); save a state dict alone, or safetensors"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (RuntimeError, EOFError, ValueError):
        # What torch says is about its insides, or advice to switch its protection off.
        raise CheckpointError(f"{path}: {_DAMAGED}") from None


def _plain_values() -> list[Any]:
    """What training scripts save beside the weights and what runs nothing: their arguments, numbers of numpy."""
    import numpy as np

    numbers = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    scalar = np.float64(0).__reduce__()[0]
    return [argparse.Namespace, scalar, np.dtype] + [type(np.dtype(number)) for number in numbers]


def _only_tensors(content: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    import torch

    strangers = [str(key) for key, value in content.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise CheckpointError(f"{path}: " + "; ".join(_listed("these entries are not tensors", strangers)))
    return {str(key): value for key, value in content.items()}


def _renamed(module: torch.nn.Module, state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The file's tensors under our names. A file with any of our keys is ours; else it must be the authors'."""
    if isinstance(module, HasPublishedNames):
        state = module.from_published(state)
    elif type(module).__module__.startswith("timm."):
        from latency_bench.model_specs.architectures import timm_models

        state = timm_models.from_published(module, state)
    own = module.state_dict().keys()
    layout = _layout(module)
    if layout is None or own & state.keys() - layout.ours.keys():
        return state
    missing = {key for key in layout.ours.keys() - state.keys() if not key.endswith(COUNTER)}
    left_over = {key for key in state if key not in layout.ours and not key.startswith(layout.other_parts or ("\0",))}
    if missing or left_over:
        problems = [*_listed("missing", missing), *_listed("left over", left_over)]
        raise CheckpointError(f"{path} does not fit the model; keys (in the authors' names) " + "; ".join(problems))
    return {ours: state[theirs] for theirs, ours in layout.ours.items() if theirs in state}


def _layout(module: torch.nn.Module) -> AuthorLayout | None:
    if isinstance(module, HasAuthorLayout):
        return module.author_layout()
    from latency_bench.model_specs.architectures.efficientvit.author_keys import author_layout

    return author_layout(module)


def _listed(what: str, keys: Iterable[str]) -> list[str]:
    """Nothing for no keys, else one phrase with the first few of them and their number."""
    names = sorted(keys)
    if not names:
        return []
    more = f" and {len(names) - KEYS_SHOWN} more" if len(names) > KEYS_SHOWN else ""
    return [f"{what}: {', '.join(names[:KEYS_SHOWN])}{more}"]


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
