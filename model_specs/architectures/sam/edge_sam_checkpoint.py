"""RepViT-M1 as EdgeSAM's published files hold it: a flat list of blocks, with the branches that training has."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import torch

from latency_bench.model_specs.errors import CheckpointError
from latency_bench.model_specs.published_names import renamed

TRUNK = "repvit_m1"
PUBLISHED_BLOCKS = "features."
_COUNTER = ".num_batches_tracked"


def trained_trunk(blocks: dict[str, torch.Tensor]) -> tuple[Any, dict[str, torch.Tensor]]:
    """timm's model with these tensors, its branches not merged, and the tensors that it has no place for.

    Raises CheckpointError where one is missing or of another shape.
    """
    from latency_bench.model_specs.architectures import timm_models

    trunk: Any = timm_models.build(TRUNK, num_classes=0)
    names = _names([len(stage.blocks) for stage in trunk.stages])
    theirs = renamed(blocks, [(rf"^{re.escape(published)}\.", f"{ours}.") for published, ours in names])
    own = trunk.state_dict()
    missing = sorted(key for key in own.keys() - theirs.keys() if not key.endswith(_COUNTER))
    if missing:
        some = f"{len(missing)} tensors of RepViT-M1, for example {missing[0]} (as timm calls it)"
        raise CheckpointError(f"the checkpoint lacks {some}")
    try:
        trunk.load_state_dict({key: tensor for key, tensor in theirs.items() if key in own}, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint is of another RepViT: {str(error).splitlines()[-1].strip()}") from None
    return trunk, {key: tensor for key, tensor in theirs.items() if key not in own}


def _names(depths: Sequence[int]) -> list[tuple[str, str]]:
    """(theirs, timm's) beginnings of names. Their blocks are numbered through; timm counts the block before a
    reduction, and the reduction, to the stage that they open."""
    numbers = itertools.count(1)
    names = [(f"{PUBLISHED_BLOCKS}0.0", "stem.conv1"), (f"{PUBLISHED_BLOCKS}0.2", "stem.conv2")]
    for stage, depth in enumerate(depths):
        if stage > 0:
            opening = f"stages.{stage}.downsample"
            names += _block(next(numbers), f"{opening}.pre_block")
            names += _reduction(next(numbers), opening)
        for block in range(depth):
            names += _block(next(numbers), f"stages.{stage}.blocks.{block}")
    return names


def _block(number: int, ours: str) -> list[tuple[str, str]]:
    theirs = f"{PUBLISHED_BLOCKS}{number}"
    return [
        (f"{theirs}.token_mixer.0", f"{ours}.token_mixer"),
        (f"{theirs}.token_mixer.1", f"{ours}.se"),
        (f"{theirs}.channel_mixer.m.0", f"{ours}.channel_mixer.conv1"),
        (f"{theirs}.channel_mixer.m.2", f"{ours}.channel_mixer.conv2"),
    ]


def _reduction(number: int, ours: str) -> list[tuple[str, str]]:
    theirs = f"{PUBLISHED_BLOCKS}{number}"
    return [
        (f"{theirs}.token_mixer.0", f"{ours}.spatial_downsample"),
        (f"{theirs}.token_mixer.2", f"{ours}.channel_downsample"),
        (f"{theirs}.channel_mixer.m.0", f"{ours}.ffn.conv1"),
        (f"{theirs}.channel_mixer.m.2", f"{ours}.ffn.conv2"),
    ]
