"""The options that an object was given: which of them hold in a call, and how they travel with clones and pickles."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any

from accelsk import config

__all__ = ["OPTIONS", "OptionsMixin"]

#: The options that a decision depends on.
OPTIONS = ("engine", "device", "fallback", "fidelity", "sparse", "engine_params", "n_jobs")

_values_of = attrgetter(*OPTIONS)

#: Attributes that hold objects of this process; made again where they are missing.
_OF_THIS_PROCESS = ("_route", "_evaluation")


class OptionsMixin:
    """An object whose options are completed by the configuration, and keep the block that they were cloned in."""

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """As scikit-learn's own, which reads the signature of the constructor at every question."""
        asked: Any = cls
        return list(_names_of(asked))

    def _given(self) -> dict[str, Any]:
        """Return the options of this object; None for those left to the configuration."""
        return dict(zip(OPTIONS, _values_of(self), strict=True))

    def _options(self, **instead: Any) -> config.Options:
        given = self._given()
        return config.resolve({**given, **instead} if instead else given, self._carried_options())

    def _carried_options(self) -> Mapping[str, Any]:
        carried: Mapping[str, Any] = self.__dict__.get("_carried", {})
        return carried

    def _carry(self, earlier: Mapping[str, Any]) -> None:
        """Keep the options of the block that this object is about to leave (see `config_context`)."""
        carried = {**earlier, **config.snapshot()}
        if carried:
            self._carried = carried

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        carried = {**state.get("_carried", {}), **config.snapshot()}
        if carried:
            state["_carried"] = carried
        for name in _OF_THIS_PROCESS:
            state.pop(name, None)
        return state

    # In this process a copy is a copy, and nothing has to be brought into a form that opens elsewhere. --------------

    def __copy__(self) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__getstate__())
        return made

    def __deepcopy__(self, memo: dict[Any, Any]) -> Any:
        from accelsk.export import exported_as, is_exporting

        if is_exporting(memo):
            return exported_as(self, memo)
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return made


@lru_cache(maxsize=1024)
def _names_of(cls: Any) -> tuple[str, ...]:
    return tuple(super(OptionsMixin, cls)._get_param_names())
