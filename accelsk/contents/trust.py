"""Names that a file may import and call without harm, whatever it gives to them."""

from __future__ import annotations

import re

__all__ = ["is_harmless"]

#: What makes data, and does nothing else, whatever it is given. Before a name is added, look at its ``__setstate__``:
#: SciPy's distributions are not here because theirs is given Python code by the file, and runs it.
_HARMLESS = re.compile(
    r"""
    builtins\.(bool|bytearray|bytes|complex|dict|float|frozenset|int|list|object|range|set|slice|str|tuple)
    | collections\.(Counter|OrderedDict|defaultdict|deque)
    | copyreg\.(_reconstructor|__newobj__|__newobj_ex__)
    | _codecs\.encode
    | datetime\.(date|datetime|time|timedelta|timezone)
    | decimal\.Decimal
    | numpy\.(ndarray|dtype|matrix|bool_?|u?int\d+|float\d+|complex\d+|str_|bytes_|object_|void|(datetime|timedelta)64)
    | numpy\.(mean|median|sum|min|max|amin|amax|average|std|var)
    | numpy\._?core\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)
    | numpy\.dtypes\.[A-Z]\w*DType
    | numpy\.ma(\.core)?\.(MaskedArray|_mareconstruct)
    | numpy\.random\._pickle\.__(bit_generator|generator|randomstate)_ctor
    | numpy\.random\.(_\w+|bit_generator)\.(MT19937|PCG64|PCG64DXSM|Philox|SFC64|SeedSequence|__pyx_unpickle_\w+)
    | scipy\.sparse\.(_?\w+\.)?(bsr|coo|csc|csr|dia|dok|lil)_(array|matrix)
    | scipy\.interpolate\.(_interpolate\.(interp1d|PPoly)|_bsplines\.BSpline) | scipy\.spatial\._?ckdtree\.cKDTree
    | scipy\._lib\.array_api_compat\.numpy\._aliases\.asarray
    | joblib\.numpy_pickle\.NumpyArrayWrapper
    | sklearn\.(?!callback|conftest|datasets|experimental|externals|.*\btests\b|utils\.(_test|estimator_checks))
      (\w+\.)+ (_*[A-Z]\w* | __pyx_unpickle_\w+ | newObj)
    | sklearn\.metrics\.(\w+\.)*\w+_(score|loss|error|deviance|distances?|kernel)
    | sklearn\.feature_selection\.(\w+\.)*(f_\w+|chi2|mutual_info_\w+|r_regression)
    | sklearn\.cluster\._kmeans\._kmeans_single_\w+
    | accelsk\.(estimator\.AcceleratedEstimator|pipeline\.AcceleratedPipeline|step\.Step|persistence\.reopen)
    | accelsk\.engines\.(\w+\.)+_*[A-Z]\w*
    """,
    re.VERBOSE | re.ASCII,
)


def is_harmless(module: str, name: str) -> bool:
    """Tell whether importing this, and calling it with anything, is known to make data and to do nothing else.

    "Known" is meant as it is said: what the packages of scientific Python write into pickles of models is, by name.
    Modules import from each other, so that a package does not say what its names are: ``sklearn.datasets`` has
    ``TemporaryDirectory``, and any module has ``os.system`` that imports ``os``.

    Parameters
    ----------
    module : str
        The module.
    name : str
        The name in it.

    Returns
    -------
    bool
        False for what is not known.

    Examples
    --------
    >>> is_harmless("sklearn.svm._classes", "SVC"), is_harmless("sklearn.svm._classes", "os.system")
    (True, False)
    """
    return "." not in name and _HARMLESS.fullmatch(f"{module}.{name}") is not None
