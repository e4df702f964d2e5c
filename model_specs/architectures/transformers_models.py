"""Networks of transformers from the configuration in a local folder: its config.json alone is enough."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision
from latency_bench.model_specs.errors import SpecError
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

if TYPE_CHECKING:
    import torch

_PREFIX = "transformers:"
_CONFIG = "config.json"
_LARGEST_BYTES = 1 << 20
_IMAGE_SIZE = 224
_TOKENS = 128
_HASH_DIGITS = 8


def build(config: dict[str, Any]) -> torch.nn.Module:
    """The network that a configuration names, with random weights; attention is written out, as exporters need it.

    The forward takes (N, channels, H, W), or token ids (N, tokens), and returns the first output: logits, or the last
    hidden state. No code that a configuration points to is run. Raises SpecError for what transformers cannot build.
    """
    prepare_torchvision()
    import torch

    from latency_bench.model_specs.architectures.one_output import with_one_output

    network, parsed = _network_of(config)
    try:
        model: torch.nn.Module = network(parsed)
    except (TypeError, ValueError, LookupError, AttributeError, ImportError) as error:
        raise SpecError(f"transformers cannot build {network.__name__} from this configuration: {error}") from error
    model.to(torch.get_default_device())
    return with_one_output(model, _output_of(network.__name__), network.main_input_name).eval()


def transformers_spec(model_id: str) -> ModelSpec:
    """A spec of `transformers:FOLDER`, where FOLDER holds a config.json as transformers saves it.

    The configuration becomes part of the spec, so that a record says all of the network, and nothing of the folder.
    Raises SpecError where it cannot be read or names nothing that can be fed.
    """
    prepare_torchvision()
    import transformers

    folder = Path(model_id.removeprefix(_PREFIX)).expanduser()
    config = _read(folder / _CONFIG)
    network, parsed = _network_of(config)
    plain = re.sub(r"[^a-z0-9_-]+", "-", folder.absolute().name.lower()).strip("-_") or "model"
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:_HASH_DIGITS]
    return ModelSpec(
        id=f"transformers-{plain[:50]}-{digest}",
        family="transformers",
        title=network.__name__,
        task="generic",
        builder="transformers",
        requires=("transformers",),
        arguments={"config": config},
        inputs=(_input_of(network, parsed),),
        outputs=(OutputSpec(name=_output_of(network.__name__)),),
        provenance=Provenance(
            paper="see transformers' documentation of the model",
            code=f"transformers {transformers.__version__}",
            license="Apache-2.0 (transformers)",
        ),
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST_BYTES + 1)
        config = json.loads(text)
    except OSError as error:
        raise SpecError(f"{file}: {error.strerror or error}; name a folder with the {_CONFIG} of a model") from None
    except (ValueError, RecursionError):
        raise SpecError(f"{file} is not valid JSON, so it cannot be a configuration of transformers") from None
    if len(text) > _LARGEST_BYTES or not isinstance(config, dict):
        raise SpecError(f"{file} is not a configuration of transformers, which is one small JSON object")
    return config


def _network_of(config: dict[str, Any]) -> tuple[Any, Any]:
    """The class that the configuration names, or the plain network of its kind, and the configuration as transformers
    has it."""
    import transformers

    _refuse_what_is_elsewhere(config)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in transformers.CONFIG_MAPPING:
        raise SpecError(f"transformers {transformers.__version__} does not know the model_type {kind!r}")
    values = {name: value for name, value in config.items() if name not in ("model_type", "auto_map")}
    try:
        parsed = transformers.AutoConfig.for_model(kind, **values, attn_implementation="eager")
    except Exception as error:  # transformers checks a configuration with errors of several libraries
        raise SpecError(f"transformers refuses this configuration of {kind}: {_first_line(error)}") from error
    named = (config.get("architectures") or [None])[0]
    if isinstance(named, str) and isinstance(network := getattr(transformers, named, None), type):
        return network, parsed
    try:
        return transformers.MODEL_MAPPING[type(parsed)], parsed
    except KeyError:
        raise SpecError(
            f"transformers does not know which network a {kind} without `architectures` is; name it there"
        ) from None


_ELSEWHERE = ("timm_wrapper", "timm_backbone")
"""Kinds whose network another library makes, which would look names up on a hub, in folders and in files."""
_FETCHING = ("use_pretrained_backbone", "use_timm_backbone")


def _refuse_what_is_elsewhere(config: Any) -> None:
    """Raises SpecError for a configuration, or one inside it, whose network comes from a hub, a folder or a file."""
    if isinstance(config, list):
        for inner in config:
            _refuse_what_is_elsewhere(inner)
    if not isinstance(config, dict):
        return
    fetching = [name for name in _FETCHING if config.get(name)]
    if config.get("model_type") in _ELSEWHERE or fetching or isinstance(config.get("backbone"), str):
        what = fetching[0] if fetching else config.get("model_type") if "backbone" not in config else "backbone"
        raise SpecError(f"this configuration names a network that lies elsewhere ({what}); only whole ones are built")
    for inner in config.values():
        _refuse_what_is_elsewhere(inner)


def _input_of(network: Any, config: Any) -> InputSpec:
    """An image of the configuration's size, or tokens of its vocabulary."""
    name = getattr(network, "main_input_name", None)
    if name == "pixel_values":
        size = getattr(config, "image_size", None)
        size = _IMAGE_SIZE if size is None else size
        height, width = (size, size) if isinstance(size, int) else (*size, None, None)[:2]
        try:
            return InputSpec(name=name, shape=(getattr(config, "num_channels", 3), height, width))
        except ValueError:
            raise SpecError(f"the image_size {size!r} of this configuration is not a height and a width") from None
    if name == "input_ids" and not getattr(config, "is_encoder_decoder", False):
        tokens = min(_TOKENS, getattr(config, "max_position_embeddings", _TOKENS))
        vocabulary = float(config.vocab_size)
        return InputSpec(name=name, shape=(tokens,), dtype="int64", distribution="uniform", low=0.0, high=vocabulary)
    raise SpecError(f"{network.__name__} takes {name}; only images and token ids can be fed. Use --module for others")


def _output_of(network: str) -> str:
    """Networks with a head return logits, the plain ones their last hidden state."""
    return "logits" if "For" in network else "last_hidden_state"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
