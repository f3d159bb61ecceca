"""accelsk: the engine switch for scikit-learn."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# First, so that its import costs what it costs by itself: with modules of ours before it, the garbage collector passes
# at other moments, and that was measured to cost a tenth of the time where pandas and pyarrow are installed.
import sklearn.pipeline  # noqa: F401

from accelsk.calibration import calibrate
from accelsk.config import config_context, get_config, set_config
from accelsk.devices import devices
from accelsk.engines import engines
from accelsk.estimator import AcceleratedEstimator
from accelsk.explain import explain
from accelsk.pipeline import AcceleratedPipeline
from accelsk.wrapping import accelerate

if TYPE_CHECKING:
    from accelsk.export import to_sklearn
    from accelsk.parallel import FailedFit, fit_many, parallel_config, partial_dependence
    from accelsk.storage import load, save
    from accelsk.versions import show_versions
    from accelsk.workers import shutdown_workers

__version__ = "0.1.0.dev0"

__all__ = [
    "AcceleratedEstimator",
    "AcceleratedPipeline",
    "FailedFit",
    "accelerate",
    "calibrate",
    "config_context",
    "devices",
    "engines",
    "explain",
    "fit_many",
    "get_config",
    "load",
    "parallel_config",
    "partial_dependence",
    "save",
    "set_config",
    "show_versions",
    "shutdown_workers",
    "to_sklearn",
]

#: What not every script uses is imported when it is asked for. Not what has the name of its module, which would be
#: found in its place.
_LATER = {
    "FailedFit": "parallel",
    "fit_many": "parallel",
    "load": "storage",
    "parallel_config": "parallel",
    "partial_dependence": "parallel",
    "save": "storage",
    "show_versions": "versions",
    "shutdown_workers": "workers",
    "to_sklearn": "export",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
