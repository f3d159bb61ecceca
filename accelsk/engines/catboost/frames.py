"""Frames of polars that CatBoost takes. Of others it does not say so: reading them ends the process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accelsk.facts import not_numbers

__all__ = ["check_frame"]


def check_frame(X: Any, named: Iterable[Any]) -> None:
    """Refuse columns of polars that CatBoost cannot read.

    Seen with CatBoost 1.2.10: a segmentation fault for a column of texts that is not named as one of categories, and
    for polars' own categories, named or not.

    Parameters
    ----------
    X : object
        The data; only frames of polars are looked at.
    named : iterable of str or int
        The columns that the user has named as categories, texts or embeddings.

    Raises
    ------
    ValueError
        That names the columns.

    Examples
    --------
    >>> check_frame([[0.0, 1.0]], ())
    """
    if type(X).__module__.partition(".")[0] != "polars":
        return
    known = {X.columns[name] if isinstance(name, int) else name for name in named}
    refused = [
        name for name in not_numbers(X) if name not in known or str(X.schema[name]).startswith(("Categorical", "Enum"))
    ]
    if refused:
        raise ValueError(
            f"CatBoost cannot read these columns of polars: {', '.join(refused)}. Encode them, or cast them to "
            "polars.String and name them in cat_features."
        )
