"""Linear models: a product with the coefficients, read from the model at each call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.base import is_regressor

from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["offers"]


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a linear model.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, if its prediction is linear.
    """
    if is_regressor(model) and "predict" in vars(type(model).__mro__[1]) | vars(type(model)):

        def predict(X: Any) -> Any:
            return X @ model.coef_.T + model.intercept_

        methods: dict[str, Evaluate] = {"predict": predict}
        yield Offer(name="numpy", methods=tuple(methods), make=lambda: methods, seconds=lambda method, n_rows: 5e-6)
