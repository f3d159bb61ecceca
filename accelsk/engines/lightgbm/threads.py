"""The most threads that LightGBM uses, whatever its models are told: a number of the process, in its C interface.

``num_threads`` comes before the number of OpenMP, and a fit writes it into the model. This one comes before both, and
is written nowhere.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

__all__ = ["MaxThreads"]


@dataclass(frozen=True)
class MaxThreads:
    """A `~accelsk.threads.Pool`.

    Parameters
    ----------
    filepath : str
        LightGBM's shared library, which is loaded.
    """

    filepath: str

    def get_num_threads(self) -> int:
        """Return the number.

        Returns
        -------
        int
            -1 for any.
        """
        found = ctypes.c_int()
        ctypes.CDLL(self.filepath).LGBM_GetMaxThreads(ctypes.byref(found))
        return found.value

    def set_num_threads(self, num_threads: int | None) -> None:
        """Set the number.

        Parameters
        ----------
        num_threads : int or None
            -1 for any.
        """
        ctypes.CDLL(self.filepath).LGBM_SetMaxThreads(ctypes.c_int(-1 if num_threads is None else num_threads))
