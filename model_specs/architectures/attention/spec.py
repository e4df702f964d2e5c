"""The spec of an attention by its id, as for any other model."""

from __future__ import annotations

from latency_bench.model_specs.architectures.attention.subject import map_of, parse_subject
from latency_bench.model_specs.spec import InputSpec, ModelSpec, OutputSpec, Provenance

FAMILY = "attention"
_NOTES = {
    "sdpa": "ONNX files hold the fused operator written out, so there it is the same graph as `softmax`; TFLite files "
    "hold what the converter makes of it. PyTorch chooses a kernel: --runtime-option sdpa=flash, efficient or math "
    "forces one.",
}


def attention_spec(model_id: str) -> ModelSpec:
    """Raises UnknownModelError for an id that names no attention."""
    subject = parse_subject(model_id)
    core = subject.scope == "core"
    channels_in = subject.channels * (3 if core else 1)
    channels_out = subject.channels * (2 if core and subject.multi_scale else 1)
    return ModelSpec(
        id=subject.id,
        family=FAMILY,
        title=subject.title,
        task="attention",
        builder="attention",
        arguments={
            "form": subject.form,
            "scope": subject.scope,
            "heads": subject.heads,
            "head_dim": subject.head_dim,
            "token_count": subject.tokens,
            "multi_scale": subject.multi_scale,
            "repeats": subject.repeats,
        },
        # Another shape of the same number of tokens is the same subject, another number is not: the builder sees to it.
        resolution_argument="resolution",
        inputs=(InputSpec(name="qkv" if core else "features", shape=(channels_in, *map_of(subject.tokens))),),
        outputs=(OutputSpec(name="attended", channels=channels_out, stride=1),),
        provenance=Provenance(
            paper="EfficientViT: Multi-Scale Linear Attention for High-Resolution Dense Prediction (ICCV 2023)",
            code="own",
            license="Apache-2.0",
            design="ours",
            note="Figure 4; the paper does not say which layers and shapes it measured",
        ),
        note=_NOTES.get(subject.form),
    )
