"""How the methods of a fitted model are answered faster than by a call of the engine; a part of `Adapter`. PUBLIC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accelsk.engines.spec import Row
from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["Answering"]


class Answering:
    """What an adapter says of faster answers: by default that there are none."""

    def evaluators(self, backend: Any, row: Row) -> Iterable[Offer]:
        """Offer faster ways to compute what a fitted backend estimator computes on the host.

        Parameters
        ----------
        backend : object
            The engine's fitted estimator. Evaluators keep it, and do not change it.
        row : Row
            Its row.

        Returns
        -------
        iterable of Offer
            By default none. Those for scikit-learn's own class come by themselves where `Row.export` is exact.
        """
        return ()

    def evaluates(self, model: Any) -> Iterable[Offer]:
        """Offer to compute on the host what a fitted model of scikit-learn computes, whoever fitted it.

        Parameters
        ----------
        model : estimator
            Of a class of scikit-learn, or of another library; it is kept, and not changed.

        Returns
        -------
        iterable of Offer
            By default none. Asked only where the engine's library is installed; it is to be imported by `Offer.make`.
        """
        return ()

    def shortcuts(self, backend: Any, row: Row) -> Mapping[str, Evaluate]:
        """Return methods of a fitted backend estimator for arrays that nobody has validated.

        For an engine whose `call` does more about a plain array than its library needs: validation, above all, takes
        longer than a small prediction. As long as no evaluator computes a batch, the method is called with the array;
        what else there is, such as a frame, further arguments or a share of the cores, is left to `call`.

        Parameters
        ----------
        backend : object
            The engine's fitted estimator, on the host.
        row : Row
            Its row.

        Returns
        -------
        mapping of str to callable
            By method: what returns of a C-contiguous array of float64 or float32, of the width of the fit, what `call`
            returns; or None for what `call` is to see, such as infinity, which it refuses. By default none. Cheap: it
            is asked for after every fit.
        """
        return {}
