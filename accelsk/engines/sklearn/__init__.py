"""scikit-learn itself: the reference engine. It takes every estimator as it is, on the CPU, and needs no table."""

from __future__ import annotations

from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="sklearn",
    title="scikit-learn",
    imports="sklearn",
    devices=("cpu",),
    reference=True,
    url="https://scikit-learn.org",
)
