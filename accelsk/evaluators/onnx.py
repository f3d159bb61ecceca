"""ONNX Runtime as an evaluator of trees: a graph of one node, written from the arrays, in double precision.

The node is ``TreeEnsemble`` of version 5 of ONNX's operators for machine learning: unlike those before it, and unlike
what converters write, it keeps double thresholds and double leaves.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from accelsk.evaluators.grove import Branches

if TYPE_CHECKING:
    from accelsk.evaluators.walks import Trees

__all__ = ["build", "installed", "seconds", "sums"]

Array = npt.NDArray[Any]

#: The versions of ONNX that know the node: of its format, of its operators, and of those for machine learning.
_FORMAT, _OPERATORS, _LEARNING = 10, 21, 5

# Seconds on one thread of the machine of the measurements (decision 0017): a call, a split of a row, and a node
# in a new session.
_CALL, _STEP, _NODE = 15e-6, 6e-9, 2e-6


@lru_cache(maxsize=1)
def installed() -> bool:
    """Say whether both packages are installed.

    Returns
    -------
    bool
        Without importing them.
    """
    return all(importlib.util.find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def seconds(n_trees: int, n_nodes: int, n_rows: int) -> float:
    """Estimate what a call takes.

    Parameters
    ----------
    n_trees, n_nodes, n_rows : int
        How many.

    Returns
    -------
    float
        Seconds.
    """
    return float(_CALL + n_rows * n_trees * 1.2 * np.log2(n_nodes / n_trees + 1) * _STEP)


def build(n_nodes: int) -> float:
    """Estimate what it takes to make a session, the import of the library included.

    Parameters
    ----------
    n_nodes : int
        In all trees.

    Returns
    -------
    float
        Seconds.
    """
    return 0.3 + n_nodes * _NODE


def sums(trees: Trees) -> Callable[[Array], Array]:
    """Return what adds up the leaves.

    Parameters
    ----------
    trees : Trees
        An ensemble.

    Returns
    -------
    callable
        Of X, of the dtype of the trees; several threads may call it at once.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: for few rows handing work to others takes longer than the work, and for many the model is not slower.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    start, adds = trees.start().astype(np.float64), trees.adds
    session = onnxruntime.InferenceSession(
        _graph(trees.branches(), trees.n_columns, len(start)), options, providers=["CPUExecutionProvider"]
    )

    def evaluate(X: Array) -> Array:
        (found,) = session.run(None, {"X": X.astype(np.float64, copy=False)})
        found += start
        summed: Array = found.astype(adds, copy=False)
        return summed

    return evaluate


def _graph(branches: Branches, n_columns: int, n_outputs: int) -> bytes:
    """The model as ONNX writes it down; splits and leaves are counted by themselves there."""
    from onnx import TensorProto, helper, numpy_helper

    branches = _with_splits(branches)
    sizes = np.asarray(branches.sizes)
    roots = np.cumsum([0, *sizes])[:-1]
    tree = np.repeat(np.arange(len(sizes)), sizes)
    leaf = branches.left == branches.right
    inner = ~leaf
    number = np.where(leaf, np.cumsum(leaf), np.cumsum(inner)) - 1
    shift = roots[tree[inner]]
    left, right = branches.left[inner] + shift, branches.right[inner] + shift
    node = helper.make_node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        domain="ai.onnx.ml",
        aggregate_function=1,  # the sum
        post_transform=0,  # none
        n_targets=n_outputs,
        nodes_modes=numpy_helper.from_array(np.zeros(len(left), dtype=np.uint8)),  # X <= threshold
        nodes_featureids=branches.feature[inner].tolist(),
        nodes_splits=numpy_helper.from_array(branches.threshold[inner].astype(np.float64)),
        nodes_truenodeids=number[left].tolist(),
        nodes_trueleafs=leaf[left].astype(int).tolist(),
        nodes_falsenodeids=number[right].tolist(),
        nodes_falseleafs=leaf[right].astype(int).tolist(),
        nodes_missing_value_tracks_true=(~branches.missing_right[inner]).astype(int).tolist(),
        tree_roots=number[roots].tolist(),
        leaf_targetids=(tree[leaf] % n_outputs).tolist(),
        leaf_weights=numpy_helper.from_array(branches.values[leaf].astype(np.float64)),
    )
    double = TensorProto.DOUBLE
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("X", double, [None, n_columns])],
        [helper.make_tensor_value_info("Y", double, [None, n_outputs])],
    )
    versions = [helper.make_opsetid("", _OPERATORS), helper.make_opsetid("ai.onnx.ml", _LEARNING)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=_FORMAT)
    written: bytes = model.SerializeToString()
    return written


def _with_splits(branches: Branches) -> Branches:
    """The same trees, where those of one leaf have a split, as a tree is to have there."""
    sizes = np.asarray(branches.sizes)
    single = sizes == 1
    if not single.any():
        return branches
    times = np.repeat(np.where(single, 3, 1), sizes)
    longer = np.where(single, 3, sizes)
    splits = np.cumsum([0, *longer])[:-1][single]
    left, right = branches.left.repeat(times), branches.right.repeat(times)
    left[splits], right[splits] = 1, 2
    rest = (branches.feature, branches.threshold, branches.missing_right, branches.values)
    feature, threshold, missing_right, values = (each.repeat(times) for each in rest)
    feature[splits] = 0
    return Branches(longer.tolist(), left, right, feature, threshold, missing_right, values)
