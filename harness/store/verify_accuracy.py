"""Are an accuracy's counts those of the images that its record is of?"""

from __future__ import annotations

from collections.abc import Iterator

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.findings import CHANGED, Finding
from latency_bench.harness.store.layout import IMAGES_FILE
from latency_bench.harness.store.reader import StoredAccuracy


def verify_accuracy_images(stored: StoredAccuracy) -> Iterator[Finding]:
    """A row for every image that counted."""
    path = stored.path / IMAGES_FILE
    try:
        names, _, _ = stored.images()
    except (BrokenRunError, KeyError, OSError) as error:
        yield Finding(path, str(error), CHANGED, stored.path)
        return
    if len(names) != stored.record.images:
        words = f"{len(names)} images, the record says {stored.record.images}."
        yield Finding(path, words, CHANGED, stored.path)
