"""Whether the device has room for what cuML would not survive to find out: its forests end the process."""

from __future__ import annotations

from typing import Any

__all__ = ["need_room", "of_forest"]

#: Columns that are searched for a split at once.
_AT_ONCE = 10


def of_forest(model: Any, shape: tuple[int, int], size: int, n_classes: int) -> int:
    """Estimate the memory that a forest takes while it grows.

    It was measured on a GPU with 200,000 and 400,000 rows, 32 and 128 columns, 1 and 4 streams: the estimate was 1 to
    10 % more.

    Parameters
    ----------
    model : estimator
        Of cuML: a forest, with ``n_bins``, ``n_streams`` and ``max_batch_size``.
    shape : tuple of int
        Rows and columns of X.
    size : int
        The bytes of a number in X.
    n_classes : int
        The number of classes; 1 for regression.

    Returns
    -------
    int
        Bytes: X and the target, and for each stream the histograms, the rows of its tree, and something more.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> forest = SimpleNamespace(n_bins=128, n_streams=4, max_batch_size=4096)
    >>> of_forest(forest, (200_000, 32), 4, n_classes=2) >> 20  # 360 were measured
    381
    """
    rows, columns = shape
    bins = int(model.max_batch_size) * int(model.n_bins) * min(columns, _AT_ONCE)
    histograms = bins * max(8 * n_classes, 16)
    return rows * (columns * size + 4) + int(model.n_streams) * (histograms + 16 * rows + 6 * 2**20)


def need_room(needed: int) -> None:
    """Raise an error if the device has less memory free.

    Parameters
    ----------
    needed : int
        Bytes.

    Raises
    ------
    MemoryError
        With both numbers. Where another allocator than CUDA's plain one is set, nothing is known, and nothing raised.
    """
    import cupy

    free, _ = cupy.cuda.runtime.memGetInfo()
    if needed <= free:
        return
    import rmm

    if type(rmm.mr.get_current_device_resource()) is rmm.mr.CudaMemoryResource:
        raise MemoryError(f"a forest of these data takes about {needed >> 20} MB, and {free >> 20} MB are free")
