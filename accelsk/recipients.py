"""Who is given a frame as it is, of whatever library: what hands it to code of the user's."""

from __future__ import annotations

import sys
from functools import lru_cache
from inspect import unwrap
from pathlib import PurePath
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

__all__ = ["works_on_frames"]


def works_on_frames(estimator: Any) -> bool:
    """Say whether an estimator works on a frame as it is, of whatever library.

    Those do that transform, and hand what they are given to code of the user's: transformers that validate nothing (a
    FunctionTransformer, by its tag), and classes that do not come from an installed package. What arranges others does
    where one of them does, and a pipeline where its first step does. Where ``set_output`` asks for a container, the
    result has to be one of that library, and the estimator is not counted.

    Parameters
    ----------
    estimator : estimator
        Plain or wrapped.

    Returns
    -------
    bool
        False for all that makes an array of a frame, and for what is no estimator.

    Examples
    --------
    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.preprocessing import FunctionTransformer, StandardScaler
    >>> works_on_frames(FunctionTransformer()), works_on_frames(StandardScaler())
    (True, False)
    >>> works_on_frames(ColumnTransformer([("own", FunctionTransformer(), ["a"]), ("z", StandardScaler(), ["b"])]))
    True
    """
    from accelsk.engines.reading import container
    from accelsk.parts import is_estimator, parts
    from accelsk.wrapper import Wrapper

    if not is_estimator(estimator) or not hasattr(estimator, "transform"):
        return False
    inner = estimator._inner if isinstance(estimator, Wrapper) else estimator
    if container(inner) != "default":
        return False
    if isinstance(inner, Pipeline):
        steps = (step for _, step in inner.steps if is_estimator(step))
        return works_on_frames(next(steps, None))
    inside = parts(inner).values()
    if inside:
        # Parts that no wrapper stands in front of would be given modin's frame, all of them.
        as_they_are = isinstance(estimator, Wrapper) and not estimator._arranges()
        return (all if as_they_are else any)(map(works_on_frames, inside))
    transform = unwrap(getattr(type(inner), "transform", works_on_frames))
    return _is_own(transform.__module__) or bool(get_tags(inner).no_validation)


@lru_cache(maxsize=1024)
def _is_own(module: str) -> bool:
    """Whether a module is the user's own: not part of an installed package."""
    if module.partition(".")[0] in ("sklearn", "accelsk"):
        return False  # wherever they are installed
    file = getattr(sys.modules.get(module), "__file__", None) or ""  # a notebook has none
    return not {"site-packages", "dist-packages"} & set(PurePath(file).parts)
