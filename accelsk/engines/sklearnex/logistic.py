"""Fits of logistic regression that leave scikit-learn's own alone. Imports sklearnex: only the adapter imports this.

sklearnex fits with scikit-learn's ``fit``, and replaces the function that solves in ``sklearn.linear_model._logistic``
meanwhile. Whoever fits a plain ``LogisticRegression`` in another thread at that time gets oneDAL's solution, unasked
and unsaid. Here the library is given a copy of that module to replace it in, with two ``fit`` that look it up there.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType, SimpleNamespace

from daal4py.sklearn.linear_model import logistic_path as library
from sklearn.linear_model import _logistic

from accelsk.engines.sklearnex.moved import moved

__all__ = ["leave_alone"]


@lru_cache(maxsize=1)
def leave_alone() -> None:
    """Let the library replace the function in a copy of scikit-learn's module, from now on."""
    copied = ModuleType(_logistic.__name__)
    scoring_path = moved(_logistic._log_reg_scoring_path, copied)
    copied.__dict__.update({**vars(_logistic), "_log_reg_scoring_path": scoring_path})
    for name in ("LogisticRegression", "LogisticRegressionCV"):
        original = getattr(_logistic, name)
        fit = _logistic._fit_context(prefer_skip_nested_validation=True)(moved(original.fit.__wrapped__, copied))
        methods = {each: getattr(original, each) for each in dir(original) if not each.startswith("__")}
        setattr(library, f"{name}_original", SimpleNamespace(**{**methods, "fit": fit}))
    library.logistic_module = copied
