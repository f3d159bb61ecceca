"""What a wrapper says it is: the class that it wraps, so that code which looks at the class sees what it expects."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["Face"]


class Face:
    """An object that passes for an instance of the class that it wraps, while its type stays its own.

    ``isinstance(wrapper, SVC)`` holds, and so does ``isinstance(wrapper, AcceleratedEstimator)``; ``type(wrapper)`` is
    the wrapper's. Code that knows estimators by their class does with a wrapper what it does with the plain one:
    SelectFromModel, which takes another threshold for a Lasso; RANSACRegressor; partial dependence of trees; plots of
    trees; SHAP's explainers.
    """

    #: The attribute that holds what is wrapped.
    _wraps_in = "estimator"
    #: Whether ``get_params`` has the parameters of the wrapper's constructor, or of the wrapped class's.
    _made_by_params = True

    def _shown(self) -> type:
        inner = self.__dict__.get(type(self)._wraps_in)
        is_estimator = hasattr(type(inner), "fit") and not isinstance(inner, type)
        shown: type = _face(type(self), type(inner)) if is_estimator else type(self)  # type: ignore[arg-type]
        return shown

    __class__ = property(_shown)

    def __reduce__(self) -> Any:
        # Asked by formats that write the class by its name: what they would read back is no estimator.
        raise TypeError(
            f"accelsk's {type(self).__name__} passes for {self.__class__.__name__} and cannot be stored by the name of "
            "its class: pickle it, or store accelsk.to_sklearn() of it."
        )


@lru_cache(maxsize=1024)
def _face(wrapper: Any, wrapped: Any) -> Any:
    """Make the class that an instance shows: a subclass of both, of which there are no instances."""

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        return (wrapper if wrapper._made_by_params else wrapped)(*args, **kwargs)

    namespace = {"__new__": new, "__module__": wrapped.__module__, "__doc__": wrapped.__doc__}
    try:
        made: type = type(wrapped.__name__, (wrapper, wrapped), namespace)
    except TypeError:  # two metaclasses that do not go together
        return wrapper
    made.__qualname__ = wrapped.__qualname__
    return made
