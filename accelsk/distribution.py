"""A fit on dask collections: decided as any other, and carried out by the workers of the user's cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sklearn.utils import get_tags

from accelsk.blocks import CollectionFacts, example_of, is_collection
from accelsk.clusters import Cluster
from accelsk.devices import HOST
from accelsk.engines import get_adapter
from accelsk.errors import UnsupportedInput
from accelsk.plans import Plan
from accelsk.selection import select

if TYPE_CHECKING:
    from accelsk.config import Options

__all__ = ["decided", "is_stateless", "trained"]


def is_stateless(estimator: Any) -> bool:
    """Say whether an estimator learns nothing of the data, so that a few rows are as good for its fit as all.

    Parameters
    ----------
    estimator : estimator
        Of scikit-learn, or in its manner.

    Returns
    -------
    bool
        By its tags.
    """
    return not get_tags(estimator).requires_fit


def stand_in(named: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the collections among the arguments of a fit by a few rows that mean nothing.

    Parameters
    ----------
    named : mapping
        The arguments, by name.

    Returns
    -------
    dict
        All of them on this machine.
    """
    return {name: example_of(value) if is_collection(value) else value for name, value in named.items()}


def decided(estimator: Any, method: str, named: Mapping[str, Any], options: Options, *, callbacks: bool) -> Plan:
    """Choose an engine for a fit on dask collections.

    Parameters
    ----------
    estimator : estimator
        The user's.
    method : str
        The fitting method.
    named : mapping
        Its arguments, by name.
    options : Options
        What was asked for.
    callbacks : bool
        Whether scikit-learn's callbacks are attached.

    Returns
    -------
    Plan
        The choice.

    Raises
    ------
    UnsupportedInput
        If no engine that may be used trains on collections, or X is none.
    """
    others = dict(named)
    X = others.pop("X", None)
    if not is_collection(X):
        names = ", ".join(name for name, value in others.items() if is_collection(value))
        raise UnsupportedInput(
            f"X is a {type(X).__name__} of this machine, and {names} a dask collection.",
            hint=f"pass X as a dask collection with the same partitions; or {names}.compute() where X is.",
        )
    return select(estimator, CollectionFacts(X, others.pop("y", None), others), options, method, callbacks=callbacks)


def trained(backend: Any, plan: Plan, named: Mapping[str, Any]) -> Plan:
    """Let the workers of the user's cluster fit a backend estimator.

    Parameters
    ----------
    backend : object
        Of the engine that was chosen; it is fitted afterwards.
    plan : Plan
        The choice.
    named : mapping
        The arguments of ``fit``, by name.

    Returns
    -------
    Plan
        The same, with the workers in its decision.
    """
    assert plan.row is not None
    what = f"{plan.row.name} on dask collections"
    cluster = Cluster.of_user(what)
    adapter = get_adapter(plan.engine.name)
    here = cluster.train(
        lambda: adapter.fit_distributed(backend, plan.row, named, plan.device, cluster),  # type: ignore[arg-type]
        what,
    )
    n_workers, n_partitions = cluster.trained_by
    told = f"{n_workers} worker{'' if n_workers == 1 else 's'} of {cluster.address}, on {n_partitions} partitions"
    facts = {**plan.decision.facts, "workers": n_workers, "partitions": n_partitions}
    if plan.device != HOST:
        told += f", with device {str(plan.device)!r}"
    return replace(plan, decision=replace(plan.decision, device=str(here), cluster=told, facts=facts))
