"""What of attention is measured, as an id: `attn-relu-linear-ms-module-h8-d16-n4096`.

    attn-FORM[-ms][-module|-block]-hHEADS-dDIM-nTOKENS[-xREPEATS]

FORM is how similarity is computed (FORMS). `ms` adds the multi-scale branch: tokens that aggregate their 5x5
neighbourhood, attended by as many heads again. Without a scope the subject is the `core`: Q, K and V are its input, as
the feature map that a 1x1 convolution leaves. `module` has the projections around it and the residual sum, `block` is
the whole EfficientViT block. `xREPEATS` stacks so many of them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

from latency_bench.model_specs.errors import UnknownModelError

Form = Literal["relu-linear", "relu-quadratic", "softmax", "sdpa"]
Scope = Literal["core", "module", "block"]

FORMS: dict[Form, str] = {
    "relu-linear": "ReLU linear attention",
    "relu-quadratic": "ReLU attention, quadratic",
    "softmax": "softmax attention, written out",
    "sdpa": "softmax attention, fused operator",
}
SCOPES: dict[Scope, str] = {
    "core": "Q, K, V given: no projections",
    "module": "with projections and residual",
    "block": "the whole EfficientViT block",
}
SAME_SHAPE, EQUAL_MACS = "same shape", "equal MACs"
"""What makes two forms of attention equal, so that their latencies may be set against each other."""
SOFTMAX_TWIN = "-softmax"
"""Ending of the id of a whole model with softmax in the place of linear attention."""
CLOSE_MACS_DIFFERENCE = 0.02
"""Up to which MACs are equal without a word; beyond it, it is said by how much they are not."""
MOST_MACS_DIFFERENCE = 0.10
"""Up to which a linear form counts as one of equal MACs, relative to the quadratic form's; always stated beside it."""
_PATTERN = re.compile(
    rf"attn-(?P<form>{'|'.join(FORMS)})(?P<ms>-ms)?(?:-(?P<scope>module|block))?"
    r"-h(?P<heads>[1-9]\d{0,4})-d(?P<head_dim>[1-9]\d{0,3})-n(?P<tokens>[1-9]\d{0,6})(?:-x(?P<repeats>[1-9]\d{0,3}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Subject:
    """One attention of one shape. `heads` and `head_dim` are those before the multi-scale branch."""

    form: Form
    heads: int
    head_dim: int
    tokens: int
    scope: Scope = "core"
    multi_scale: bool = False
    repeats: int = 1

    @property
    def id(self) -> str:
        """What `parse_subject` takes. One subject has one id."""
        words = [
            f"attn-{self.form}",
            *(["ms"] if self.multi_scale else []),
            *([self.scope] if self.scope != "core" else []),
            f"h{self.heads}-d{self.head_dim}-n{self.tokens}",
            *([f"x{self.repeats}"] if self.repeats > 1 else []),
        ]
        return "-".join(words)

    @property
    def channels(self) -> int:
        return self.heads * self.head_dim

    @property
    def title(self) -> str:
        """For people, without the number of tokens, which is the input's size."""
        return ", ".join(
            [
                FORMS[self.form] + (" with multi-scale tokens" if self.multi_scale else ""),
                SCOPES[self.scope],
                f"{self.heads} heads of {self.head_dim}",
                *([f"{self.repeats} times"] if self.repeats > 1 else []),
            ]
        )


def parse_subject(model_id: str) -> Subject:
    """The subject that an id names. Raises UnknownModelError with how ids are made."""
    found = _PATTERN.fullmatch(model_id)
    repeats = int(found["repeats"] or 1) if found else 1
    if found is None or found["repeats"] == "1" or (repeats > 1 and found["scope"] is None):
        raise UnknownModelError(
            f"there is no attention called {model_id!r}; ids are "
            "attn-FORM[-ms][-module|-block]-hHEADS-dDIM-nTOKENS[-xREPEATS] "
            f"with FORM one of {', '.join(FORMS)}; only a module or block can be repeated"
        )
    return Subject(
        form=cast(Form, found["form"]),
        heads=int(found["heads"]),
        head_dim=int(found["head_dim"]),
        tokens=int(found["tokens"]),
        scope=cast(Scope, found["scope"] or "core"),
        multi_scale=found["ms"] is not None,
        repeats=repeats,
    )


def map_of(tokens: int) -> tuple[int, int]:
    """(height, width) of the feature map with so many pixels that is nearest to a square, never higher than wide."""
    height = next(height for height in range(math.isqrt(tokens), 0, -1) if tokens % height == 0)
    return height, tokens // height
