"""What the output for an image is held against, and what comes of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latency_bench.harness.accuracy.coco_evaluation import CocoImage
from latency_bench.harness.accuracy.feeding import Fed
from latency_bench.harness.accuracy.preparing import label_values, require_same_proportions
from latency_bench.harness.accuracy.samples import DataSet, Sample
from latency_bench.harness.accuracy.scoring import Scorer, own_choice
from latency_bench.harness.accuracy.subject import Subject
from latency_bench.harness.case import Case
from latency_bench.harness.export.image_file import UnusableImageError
from latency_bench.harness.statistics.image_metrics import Counts


class Scored(NamedTuple):
    """An image's counts, and what average precision is made of where the task has one."""

    counts: Counts
    coco_images: tuple[CocoImage, ...]


class Judge:
    """An image's output is held against its label, or against the fp32 module's choice for the same values."""

    def __init__(self, case: Case, subject: Subject, data: DataSet, scorer: Scorer, against_module: bool) -> None:
        self.subject, self._data, self._scorer = subject, data, scorer
        self._module = None
        self._one_at_a_time = threading.Lock()
        """The module takes all threads that it is given, however many images are prepared at once."""
        if against_module:
            from latency_bench.model_specs.building import build_module

            weights = None if case.weights is None else case.weights.path
            self._module = build_module(subject.spec, weights, case.seed)

    def label(self, sample: Sample, fed: Fed) -> Any:
        """For `scored`; `fed` with its values. May be called by several threads. Raises UnusableImageError."""
        if self._module is not None:
            return self._choice_of_module(fed)
        if fed.label is not None:
            return fed.label
        if isinstance(sample.label, Path):
            stored = label_values(sample.label)
            require_same_proportions(stored, sample.image)
            return self._checked(self._data.to_class(stored) if self._data.to_class else stored)
        return np.asarray(sample.label)

    def scored(self, output: Any, label: Any) -> Scored:
        of_coco = self._scorer.coco_image
        return Scored(self._scorer.row(output, label), () if of_coco is None else (of_coco(output, label),))

    def _choice_of_module(self, fed: Fed) -> Any:
        import torch

        assert self._module is not None
        with self._one_at_a_time, torch.inference_mode():
            outputs = [self._module(torch.from_numpy(values)).numpy() for values in fed.values]
        if stated := self.subject.output:
            outputs = [stated.channel_first(output) for output in outputs]
        return own_choice(fed.join([{"": output} for output in outputs]), self.subject.spec)

    def _checked(self, classes: np.ndarray) -> np.ndarray:
        """Raises UnusableImageError for a class that the network does not know."""
        known, largest = self.subject.spec.outputs[0].channels, int(classes.max(initial=-1))
        if known is not None and largest >= known:
            raise UnusableImageError(f"its label has class {largest}, and the network has {known}, from 0")
        return classes
