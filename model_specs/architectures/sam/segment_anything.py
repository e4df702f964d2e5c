"""Image encoder, prompt encoder and mask decoder in one module, as the paper times them: one image, box prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from latency_bench.model_specs.architectures import find_builder
from latency_bench.model_specs.architectures.sam.mask_decoder import MASKS, MaskDecoder
from latency_bench.model_specs.architectures.sam.neck import EMBEDDING_WIDTH
from latency_bench.model_specs.architectures.sam.prompt_encoder import PromptEncoder
from latency_bench.model_specs.published_names import HasPublishedNames

if TYPE_CHECKING:
    from latency_bench.model_specs.architectures.efficientvit.author_keys import AuthorLayout

# SAM's prompts and embedding refer to a frame of 1024 x 1024 pixels cut into cells of 16.
FRAME = (1024, 1024)
CELL = 16
ENCODER_PREFIX = "image_encoder."


def build(
    image_encoder: str,
    resolution: tuple[int, int] | None = None,
    encoder_arguments: Mapping[str, Any] | None = None,
    encoder_resolution_argument: str | None = None,
    upsample: str | None = None,
    embedding_size: Sequence[int] | None = None,
    coordinate_size: Sequence[int] = FRAME,
    multimask: bool = True,
    width: int = EMBEDDING_WIDTH,
    decoder_arguments: Mapping[str, Any] | None = None,
) -> nn.Module:
    """A SAM with the image encoder that the builder `image_encoder` gives for `encoder_arguments`.

    The forward takes an image (N, 3, H, W) and boxes (N, P, 4), x0 y0 x1 y1 in pixels of `coordinate_size` (height,
    width); it returns mask logits (N, P * M, 4 * h, 4 * w), where the embedding is h x w, and the IoU expected of each,
    (N, P * M). M is 3 with `multimask` (what EfficientViT-SAM's evaluation asks for, with boxes too, choosing the best
    by expected IoU), else 1. The masks of a box lie together.

    `resolution` goes to the encoder under `encoder_resolution_argument`, `upsample` under its own name, where given.
    `embedding_size` (h, w) is `resolution` / 16 by default; EfficientViT-SAM's is 64 x 64 whatever it is fed.
    Raises SpecError for an unknown encoder.
    """
    arguments = dict(encoder_arguments or {})
    if encoder_resolution_argument:
        arguments[encoder_resolution_argument] = resolution
    if upsample is not None:
        arguments["upsample"] = upsample
    if embedding_size is None:
        height, columns = resolution or FRAME
        embedding_size = (height // CELL, columns // CELL)
    return SegmentAnything(
        find_builder(image_encoder)(**arguments),
        PromptEncoder(width, coordinate_size, embedding_size),
        MaskDecoder(width, **(decoder_arguments or {})),
        multimask,
    ).eval()


class SegmentAnything(nn.Module):
    """See `build` for shapes."""

    def __init__(
        self, image_encoder: nn.Module, prompt_encoder: PromptEncoder, mask_decoder: MaskDecoder, multimask: bool
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        self.first_mask, self.end_mask = (1, MASKS) if multimask else (0, 1)

    def forward(self, image: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.image_encoder(image)
        sparse, dense = self.prompt_encoder(boxes)
        masks, quality = self.mask_decoder(embedding, self.prompt_encoder.image_positions(), sparse, dense)
        masks = masks[:, self.first_mask : self.end_mask]
        quality = quality[:, self.first_mask : self.end_mask]
        per_image = boxes.shape[1] * (self.end_mask - self.first_mask)
        return masks.reshape(-1, per_image, *masks.shape[-2:]), quality.reshape(-1, per_image)

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The encoder's tensors as the encoder knows them; the rest is called as we call it."""
        encoder = self.image_encoder
        if not isinstance(encoder, HasPublishedNames):
            return state
        own = {key: tensor for key, tensor in state.items() if not key.startswith(ENCODER_PREFIX)}
        theirs = {key.removeprefix(ENCODER_PREFIX): state[key] for key in state.keys() - own.keys()}
        return own | {ENCODER_PREFIX + key: tensor for key, tensor in encoder.from_published(theirs).items()}

    def author_layout(self) -> AuthorLayout:
        """What published checkpoints call the parameters: as we do, in SAM's own files and EfficientViT-SAM's alike,
        but for an EfficientViT encoder, which has the names of its authors."""
        from latency_bench.model_specs.architectures.efficientvit.author_keys import AuthorLayout, author_layout

        ours = {key: key for key in self.state_dict()}
        encoder = author_layout(self.image_encoder)
        if encoder is not None:
            ours = {key: key for key in ours if not key.startswith(ENCODER_PREFIX)}
            ours |= {theirs: ENCODER_PREFIX + own for theirs, own in encoder.ours.items()}
        return AuthorLayout(ours)
