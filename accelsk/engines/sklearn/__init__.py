"""scikit-learn itself: the reference engine. It takes every estimator as it is, on the CPU, and needs no table.

What it has is a table of where its own threads get into each other's way, see `accelsk.engines.sklearn.threads`.
"""

from __future__ import annotations

from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="sklearn",
    title="scikit-learn",
    imports="sklearn",
    devices=("cpu",),
    adapter="accelsk.engines.sklearn.adapter:SklearnAdapter",
    reference=True,
    url="https://scikit-learn.org",
)
