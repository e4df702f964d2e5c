"""Which delegate computed how much of the model, as benchmark_model tells it. A GPU's number must not be the CPU's.

The classic tool says it in words ("Explicitly applied GPU delegate, and the model graph will be partially executed by
the delegate w/ 2 delegate kernels"), the runtime beneath both tools by counts ("Replacing 366 out of 366 node(s) with
delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions for subgraph 0."), and the GPU delegate names its backend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from latency_bench.devices.errors import WorkerError

_APPLIED = re.compile(
    r"Explicitly applied (\w+) delegate, and the model graph will be (completely|partially) executed"
    r"(?:.*w/ ([0-9]{1,6}) delegate kernels)?"
)
_REFUSED = re.compile(r"Though (\w+) delegate is explicitly applied, the model graph will not be executed")
_REPLACED = re.compile(
    r"Replacing ([0-9]{1,6}) out of ([0-9]{1,6}) node\(s\) with delegate \(([\w .-]{1,60})\) node, "
    r"yielding ([0-9]{1,6}) partitions"
)
_BACKEND = re.compile(r"Initialized (\w{1,20})-based API\.")
_CREATED = re.compile(r"Created ([0-9]{1,6}) GPU delegate kernels\.")
_REVOKED = re.compile(
    r"Restored original execution plan after delegate application failure|Failed to create a dispatch delegate kernel"
)
"""What was announced did not happen: the runtime goes on with the processor, and ends with code 0."""
_GPU_NAMES = re.compile(r".*GPU.*|LITERT_(?:CL|GL|VK|VULKAN|WEBGPU|METAL)", re.I)


@dataclass(frozen=True)
class Delegation:
    """What one delegate took of the model."""

    delegate: str
    full: bool
    kernels: int | None
    """Partitions that the delegate took; None where the tool does not say."""
    nodes: int | None = None
    """Nodes of the graph that it took; None where the tool does not say."""
    of_nodes: int | None = None
    backend: str | None = None
    """Of a GPU: OpenCL or OpenGL, which differ by a factor; None where the tool does not say."""

    @property
    def family(self) -> str:
        """GPU, XNNPACK, NNAPI, NPU, or the delegate's own name: tools and runtimes have different names for them."""
        if _GPU_NAMES.fullmatch(self.delegate):
            return "GPU"
        if self.delegate == "DispatchDelegate":
            return "NPU"
        return next((name for name in ("XNNPACK", "NNAPI") if name in self.delegate.upper()), self.delegate)

    @property
    def nothing(self) -> bool:
        return self.kernels == 0 or self.nodes == 0

    def share(self) -> str:
        """How much it took, in words."""
        nodes = None if self.nodes is None else f"{self.nodes} of {self.of_nodes} nodes"
        partitions = None if self.kernels is None else f"{self.kernels} partitions"
        return " in ".join(part for part in (nodes, partitions) if part) or "the tool does not say how much"


class DelegateLines:
    """Collects what the lines of one process say of delegates."""

    def __init__(self) -> None:
        self._by_family: dict[str, Delegation] = {}
        self._backend: str | None = None
        self._gpu_kernels: int | None = None
        self._latest: str | None = None
        """Family that was told last."""

    def read(self, line: str) -> bool:
        """Whether the line was one about delegates."""
        if match := _APPLIED.search(line):
            kernels = None if match[3] is None else int(match[3])
            self._add(Delegation(match[1], match[2] == "completely", kernels))
        elif match := _REFUSED.search(line):
            self._add(Delegation(match[1], False, 0, nodes=0))
        elif match := _REPLACED.search(line):
            nodes, of_nodes, partitions = int(match[1]), int(match[2]), int(match[4])
            self._add(Delegation(match[3], nodes == of_nodes, partitions, nodes, of_nodes))
        elif match := _BACKEND.search(line):
            self._backend = match[1]
        elif match := _CREATED.search(line):
            self._gpu_kernels = int(match[1])
        elif match := _REVOKED.search(line):
            self._revoke("NPU" if "dispatch" in match[0] and "NPU" in self._by_family else self._latest)
        else:
            return False
        return True

    def delegations(self) -> tuple[Delegation, ...]:
        return tuple(
            self._of_gpu(delegation) if family == "GPU" else delegation
            for family, delegation in self._by_family.items()
        )

    def _of_gpu(self, told: Delegation) -> Delegation:
        kernels = self._gpu_kernels if told.kernels is None else told.kernels
        return replace(told, backend=self._backend, kernels=kernels)

    def _revoke(self, family: str | None) -> None:
        if family is not None:
            told = self._by_family[family]
            self._by_family[family] = replace(told, full=False, kernels=0, nodes=0)

    def _add(self, new: Delegation) -> None:
        self._latest = new.family
        known = self._by_family.get(new.family)
        if known is None:
            self._by_family[new.family] = new
        elif known.of_nodes is not None and new.of_nodes is not None:
            # Another subgraph of the same model: counts add up.
            self._by_family[new.family] = replace(
                known,
                full=known.full and new.full,
                kernels=_sum(known.kernels, new.kernels),
                nodes=_sum(known.nodes, new.nodes),
                of_nodes=_sum(known.of_nodes, new.of_nodes),
            )
        else:
            # The tool's words and the runtime's counts about the same thing: the tool's name, the runtime's numbers.
            words, counts = (new, known) if known.of_nodes is not None else (known, new)
            self._by_family[new.family] = replace(
                words,
                full=words.full and counts.full,
                kernels=words.kernels if counts.kernels is None else counts.kernels,
                nodes=counts.nodes if words.nodes is None else words.nodes,
                of_nodes=counts.of_nodes,
            )


def of_family(delegations: tuple[Delegation, ...], family: str | None) -> Delegation | None:
    """What the delegate of this family took; None where the tool does not speak of it. What another one took, such as
    XNNPACK of a graph that the GPU has left a part of, is no answer."""
    return next((delegation for delegation in delegations if delegation.family == family), None)


def check_delegation(
    delegations: tuple[Delegation, ...], family: str, *, allow_partial: bool, must_be_told: bool
) -> None:
    """Raises WorkerError unless the delegate of `family` took the whole model, or a part of it where that is allowed.

    A delegate that took nothing is always a failure: what ran is something else than was asked for. `must_be_told`:
    whether the tool's silence about it counts as such.
    """
    taken = of_family(delegations, family)
    if taken is None:
        if not must_be_told:
            return
        raise WorkerError(
            "runtime-failed",
            f"benchmark_model did not say that it applied the {family} delegate",
            "its output is in the run's evidence/; try another build of the tool (docs/android.md)",
        )
    if taken.nothing:
        raise WorkerError(
            "runtime-failed",
            f"the {family} delegate took no part of the model, so what ran are kernels of the CPU",
            "measure the CPU as such (--runtime litert), or export the model for what the delegate supports",
        )
    if not taken.full and not allow_partial:
        raise WorkerError(
            "runtime-failed",
            f"only a part of the model runs in the {family} delegate ({taken.share()})",
            "measure it all the same with --runtime-option allow_partial=true; the record says so",
        )


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
