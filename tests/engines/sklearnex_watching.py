"""What sklearnex did in a call: computed with oneDAL, or fell back to scikit-learn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def watching() -> Iterator[list[tuple[str, bool, bool]]]:
    """Record every decision that sklearnex takes in this thread: (scope, accelerated, by daal4py's own code).

    The log alone would not do: ``LogisticRegression`` reports to be accelerated whatever its inner code decides.
    """
    from daal4py.sklearn._utils import PatchingConditionsChain as Inner
    from sklearnex._utils import PatchingConditionsChain as Outer

    seen: list[tuple[str, bool, bool]] = []
    thread = threading.current_thread()
    originals = {cls: cls.write_log for cls in (Inner, Outer)}

    def recording(cls: type) -> Callable[..., Any]:
        def write_log(self: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is thread:
                seen.append((self.scope_name, bool(self.patching_is_enabled), cls is Inner))
            return originals[cls](self, *args, **kwargs)

        return write_log

    for cls in originals:
        cls.write_log = recording(cls)
    try:
        yield seen
    finally:
        for cls, original in originals.items():
            cls.write_log = original


def ran(name: str, method: str, seen: list[tuple[str, bool, bool]]) -> bool:
    """Whether oneDAL did all of a call that it should do, given what was recorded."""
    scope = {"TSNE": "_tsne", "SVC": method.replace("predict_proba", "_predict_proba")}.get(name, method)
    scope = "fit" if method in ("fit_predict", "fit_transform") and scope == method and name != "PCA" else scope
    if name == "StandardScaler":  # scikit-learn's, with the library's sums
        name, scope = "BasicStatistics", "fit"
    own = [
        (on, inner) for where, on, inner in seen if f".{name}.{scope}" in where or where.endswith(f".{name}.{method}")
    ]
    if name.startswith("LogisticRegression"):
        own = [(on, inner) for on, inner in own if inner]
    return bool(own) and all(on for on, _ in own)
