"""What several rows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.rules import ignored
from accelsk.engines.spec import Export

__all__ = ["COPY", "EXACT", "NAMESPACE", "SINGLE"]

#: Which library's arrays are computed with: "torch", "cupy", or the first of them that reaches the device.
NAMESPACE: Mapping[str, Any] = {"namespace": "auto"}

#: The model is scikit-learn's own, and its attributes are copied: what differs is the order of sums on the device.
EXACT = Export(tolerance=1e-9)

#: Data on the device are copies of the user's, and those of an earlier step of a pipeline are not to be written to.
COPY = ignored("data on the device are a copy, which is not written to")

#: For the notes.
SINGLE = "Apple's GPUs compute in single precision only."
