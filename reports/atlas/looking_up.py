"""Which published measurements are of a model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache

from latency_bench.model_specs.errors import SpecError, UnknownModelError
from latency_bench.model_specs.spec import ModelSpec
from latency_bench.reports.atlas.published_run import PublishedRun, published_runs

_PREFIXES = ("timm:", "timm-")


def runs_of(model: str) -> list[PublishedRun]:
    """What was published of a model: an id of the catalog, `timm:NAME`, or a name as a source prints it.

    A model of the catalog has the rows of its architecture at its own size, whatever weights they are of. Raises
    UnknownModelError where nothing is published of such a name, with the nearest ones.
    """
    found = known_runs_of(model)
    if not found and not model.startswith(_PREFIXES) and _spec(model) is None:
        near = difflib.get_close_matches(plain(model), [*_by_name(), *_by_timm()], n=4, cutoff=0.6)
        hint = f"did you mean {', '.join(near)}?" if near else "`bench models ls` lists the models here"
        raise UnknownModelError(f"nothing is published of {model!r}; {hint}")
    return found


def known_runs_of(model: str) -> list[PublishedRun]:
    """The same; nothing for a name that nothing is published of."""
    for prefix in _PREFIXES:
        if model.startswith(prefix):
            return list(_by_timm().get(architecture(model.removeprefix(prefix)), ()))
    if (spec := _spec(model)) is not None:
        return runs_of_spec(spec)
    return list(_by_name().get(plain(model)) or _by_timm().get(model) or ())


def runs_of_spec(spec: ModelSpec) -> list[PublishedRun]:
    """The same of a model of the catalog."""
    height, width = spec.resolution
    size = f"{height}x{width}"
    if spec.builder == "timm":
        named = _by_timm().get(architecture(str(spec.arguments.get("name", ""))), ())
    else:
        named = _by_name().get(plain(spec.title.partition(" (")[0]), ())
    # A size that is not printed may be the usual one.
    return [run for run in named if run.resolution in ("", size) and _is_like(run, spec)]


@cache
def timm_name(model: str) -> str | None:
    """The name that timm has for a model, by the id of the catalog or of its runs; None where timm has none."""
    for prefix in _PREFIXES:
        if model.startswith(prefix):
            return architecture(model.removeprefix(prefix))
    spec = _spec(model)
    if spec is None:
        return None
    names = {run.timm for run in runs_of_spec(spec) if run.timm}
    return next(iter(names)) if len(names) == 1 else None


def architecture(name: str) -> str:
    """Without the tag of its weights."""
    return name.partition(".")[0].lower()


def plain(name: str) -> str:
    """A name as sources spell it in many ways: letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_like(run: PublishedRun, spec: ModelSpec) -> bool:
    """Whether a row is of the same data set: a segmentation network's size and cost depend on it."""
    if spec.task != "segmentation" or not run.dataset or spec.dataset is None:
        return True
    return plain(run.dataset).startswith(plain(spec.dataset))


def _spec(model: str) -> ModelSpec | None:
    from latency_bench.model_specs.catalog import list_specs

    try:
        return next((spec for spec in list_specs() if spec.id == model), None)
    except SpecError:
        return None


@cache
def _by_timm() -> dict[str, list[PublishedRun]]:
    found: dict[str, list[PublishedRun]] = {}
    for run in published_runs():
        if run.timm:
            found.setdefault(run.timm, []).append(run)
    return found


@cache
def _by_name() -> dict[str, list[PublishedRun]]:
    found: dict[str, list[PublishedRun]] = {}
    for run in published_runs():
        found.setdefault(plain(run.model), []).append(run)
    return found


def of_kind(runs: Sequence[PublishedRun], text: str | None) -> list[PublishedRun]:
    """Those on devices of a kind (phone, gpu, ...), or whose device has this text in its name."""
    if text is None:
        return list(runs)
    wanted = text.lower()
    return [run for run in runs if wanted == run.kind or wanted in run.device.lower()]
