"""accelerate(): how deep to wrap which kind of object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from accelsk.estimator import AcceleratedEstimator
from accelsk.hyperparameters import fresh
from accelsk.options import OPTIONS
from accelsk.parts import is_estimator, is_left_alone, parts, with_parts
from accelsk.pipeline import AcceleratedPipeline
from accelsk.wrapper import Wrapper

__all__ = ["accelerate"]


def accelerate(obj: Any, **options: Any) -> Any:
    """Wrap an estimator, or the estimators inside a pipeline, a search or any other meta-estimator.

    What is wrapped are the estimators that compute; what only arranges them keeps its class: a `GridSearchCV` stays
    one, with the estimator inside wrapped, and its grid keeps working. A `Pipeline` becomes an `AcceleratedPipeline`.
    Samplers, and estimators that are there as fitted (``FrozenEstimator``, ``prefit=True``), are left as they are.

    Parameters
    ----------
    obj : estimator
        An estimator, Pipeline, ColumnTransformer, FeatureUnion, search, ensemble, ... of scikit-learn or in its manner.
        It is not changed.
    **options : dict
        Options of `AcceleratedEstimator` or, for pipelines, `AcceleratedPipeline`: engine, device, ..., and for the
        pipelines in it `frame` and `frame_min_rows`. A part that is wrapped already keeps the options that it was
        given.

    Returns
    -------
    estimator
        A new, unfitted one.

    Raises
    ------
    TypeError
        If `obj` is not an estimator, an option is not one, or it is one of pipelines and there is none.

    See Also
    --------
    explain : What was wrapped, and what would compute each part.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> from accelsk import accelerate
    >>> search = accelerate(GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1, 10]}))
    >>> type(search).__name__, type(search.estimator).__name__
    ('GridSearchCV', 'AcceleratedPipeline')
    >>> from sklearn.datasets import load_iris
    >>> search.fit(*load_iris(return_X_y=True)).best_params_
    {'svc__C': 10}
    """
    unknown = options.keys() - {*OPTIONS, "backend", *_OF_PIPELINES}
    if unknown:
        raise TypeError(f"accelerate() got unknown options: {', '.join(sorted(unknown))}.")
    if not is_estimator(obj):
        raise TypeError(f"obj={obj!r} is not an estimator: accelerate() takes an instance with fit and get_params.")
    if options.get("frame") is not None and not _has_pipeline(obj):
        raise TypeError(f"frame={options['frame']!r} is an option of pipelines, and there is none in {obj!r}.")
    return _wrapped(obj, options)


#: Options that only an `AcceleratedPipeline` takes.
_OF_PIPELINES = ("frame", "frame_min_rows")


def _has_pipeline(obj: Any) -> bool:
    return isinstance(obj, Pipeline) or any(map(_has_pipeline, parts(obj).values()))


def _wrapped(obj: Any, options: Mapping[str, Any]) -> Any:
    if isinstance(obj, Wrapper | AcceleratedPipeline):
        made = clone(obj)
        own = made.get_params(deep=False)
        if own.get("frame") is None:
            own["frame_min_rows"] = None  # it goes with the other
        return made.set_params(**{name: value for name, value in options.items() if name in own and own[name] is None})
    if is_left_alone(obj):
        # What is fitted must stay so; a sampler has hyperparameters, which are not to be those of the argument.
        return clone(obj) if hasattr(obj, "fit_resample") else obj
    if type(obj) is Pipeline:
        plain = clone(obj)
        made = AcceleratedPipeline(**{**plain.get_params(deep=False), **options})
        made.__dict__.update({name: value for name, value in vars(plain).items() if name.startswith("_")})
        return made
    if parts(obj):
        return with_parts(obj, lambda name, part: _wrapped(part, options))
    own = {name: value for name, value in options.items() if name not in _OF_PIPELINES}
    return AcceleratedEstimator(fresh(obj), **own)
