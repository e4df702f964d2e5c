"""Ids of models that a library builds by name, which the catalog does not list."""

from __future__ import annotations

LIBRARIES = ("timm:", "torchvision:")
"""How they begin where a model is asked for."""


def run_id(model: str) -> str:
    """The id that runs of a model have: `timm:NAME` is stored as `timm-name`. Needs no library."""
    if not model.startswith(LIBRARIES):
        return model
    library, _, name = model.partition(":")
    return f"{library}-{name}".lower()
