"""What the library computes: one row per scikit-learn class, in scikit-learn's module order.

A row decides *every* constructor parameter of its class, by one of the eight words of `accelsk.engines.rules`, and says
of every method who computes it. The checks of `accelsk.testing` fail where a row forgets one.
"""

import numbers
from dataclasses import replace

from accelsk.engines.rules import Refused, adjusted, const, ignored, is_number, mapped, only, rename, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

LIBRARY = "accelsk_loopback.library"

ONE_OUTPUT = Need("one output", lambda facts, params: facts.n_outputs <= 1)
ENOUGH_ROWS = Need("at least as many rows as clusters", lambda facts, params: facts.n_samples >= params["n_clusters"])
ENOUGH_NEIGHBORS = Need("more rows than neighbors", lambda facts, params: facts.n_samples > params["n_neighbors"])
FEW_COLUMNS = Need("50 columns or fewer", lambda facts, params: facts.n_features <= 50)
# A need may weigh data and hyperparameters together: with "auto", scikit-learn stops early from 10,001 rows on.
NO_EARLY_STOPPING = Need(
    "early_stopping=False from 10,001 rows on",
    lambda facts, params: params["early_stopping"] is False or facts.n_samples <= 10_000,
)
# An odd region on purpose: engine="auto" chooses the pretended library in no other test.
REGION = Need("61 columns", lambda facts, params: facts.n_features == 61)

SILENT = ignored("it prints nothing")
NO_COPY = ignored("it never writes to X")
NOT_RANDOM = ignored("nothing of it is random")
ONE_THREAD = ignored("it computes in one thread")


def _restarts(params):
    """`n_init="auto"` means another number for each `init`: one cannot be translated without the other."""
    init, n_init = params["init"], params["n_init"]
    if not isinstance(init, str):
        raise Refused("init='k-means++' or init='random'")
    return {"init": init, "restarts": {"k-means++": 1, "random": 10}[init] if n_init == "auto" else n_init}


def _penalty(params):
    """An l2 penalty, in the words of every supported scikit-learn version."""
    l1_ratio = params.get("l1_ratio")
    if params["penalty"] not in ("l2", "deprecated") or (l1_ratio is not None and l1_ratio != 0):
        raise Refused("an l2 penalty, which is l1_ratio=0.0")
    return {}


RESTARTS = together(
    "init", "n_init", translate=_restarts, text="passed on as `init` and `restarts`; no array, no callable"
)
PENALTY = together("penalty", "l1_ratio", translate=_penalty, text="only an l2 penalty, however it is written")

NEIGHBORS = Row(
    estimator="sklearn.neighbors.KNeighborsClassifier",
    backend=f"{LIBRARY}.Neighbors",
    params={
        "n_neighbors": rename("k"),
        "weights": only("uniform", "distance"),
        "algorithm": ignored("every algorithm finds the same neighbors"),
        "leaf_size": ignored("it builds no tree"),
        "p": same,
        "metric": only("minkowski", "euclidean"),
        "metric_params": only(None),
        "n_jobs": same,
    },
    fit=Inputs(needs=(ENOUGH_NEIGHBORS, ONE_OUTPUT)),
    methods=("predict", "predict_proba", "kneighbors", "score"),
    inherited=("kneighbors_graph",),
    devices=("cpu",),
    export=Export(),
)

ROWS = (
    Row(
        estimator="sklearn.cluster.DBSCAN",
        backend=f"{LIBRARY}.DensityClusters",
        params={
            "eps": rename("radius"),
            "min_samples": rename("min_points"),
            "metric": only("euclidean"),
            "metric_params": only(None),
            "algorithm": ignored("every algorithm finds the same neighbors"),
            "leaf_size": ignored("it builds no tree"),
            "p": ignored("only metric='minkowski' uses it"),
            "n_jobs": ONE_THREAD,
        },
        fit=Inputs(),
        methods=(),
        devices=("accelerator",),
        note="not on the processor",
        export=Export(),
    ),
    Row(
        estimator="sklearn.cluster.KMeans",
        backend=f"{LIBRARY}.KMeans",
        params={
            "n_clusters": rename("k"),
            "init": RESTARTS,
            "n_init": RESTARTS,
            "max_iter": same,
            "tol": same,
            "verbose": SILENT,
            "random_state": rename("seed"),
            "copy_x": NO_COPY,
            "algorithm": ignored("both algorithms find the same clusters"),
        },
        fit=Inputs(sparse=("csr",), sample_weight=True, needs=(ENOUGH_ROWS,)),
        predict=Inputs(sparse=("csr",)),
        methods=("predict", "transform", "score"),
        engine_params={"n_streams": 1},
        export=Export(),
    ),
    Row(
        estimator="sklearn.decomposition.IncrementalPCA",
        backend=f"{LIBRARY}.IncrementalPCA",
        params={"n_components": same, "whiten": same, "copy": NO_COPY, "batch_size": same},
        fit=Inputs(sparse=("csr", "csc")),
        operations={"partial_fit": Inputs()},
        methods=("partial_fit", "transform", "inverse_transform"),
        inherited=("get_covariance", "get_precision"),
        export=Export(restores=False),
    ),
    Row(
        estimator="sklearn.decomposition.PCA",
        backend=f"{LIBRARY}.PCA",
        params={
            "n_components": only(None, where=lambda value: isinstance(value, numbers.Integral), text="an integer"),
            "copy": NO_COPY,
            "whiten": same,
            "svd_solver": mapped({"auto": "full", "full": "full"}, to="solver"),
            "tol": ignored("only svd_solver='arpack' uses it"),
            "iterated_power": ignored("only svd_solver='randomized' uses it"),
            "n_oversamples": ignored("only svd_solver='randomized' uses it"),
            "power_iteration_normalizer": ignored("only svd_solver='randomized' uses it"),
            "random_state": NOT_RANDOM,
        },
        fit=Inputs(dtypes=("float64", "float32")),
        methods=("transform", "inverse_transform"),
        inherited=("get_covariance", "get_precision", "score", "score_samples"),
        export=Export(),
    ),
    Row(
        estimator="sklearn.ensemble.HistGradientBoostingRegressor",
        backend=f"{LIBRARY}.Boosting",
        params={
            "loss": mapped({"squared_error": "squares", "absolute_error": "absolutes"}),
            "quantile": only(None),
            "learning_rate": same,
            "max_iter": rename("rounds"),
            "max_leaf_nodes": rename("leaves"),
            "max_depth": same,
            "min_samples_leaf": same,
            "l2_regularization": only(0.0),
            "max_features": same,
            "max_bins": ignored("it splits between any two values"),
            "categorical_features": mapped({None: None, "from_dtype": None}),
            "monotonic_cst": only(None),
            "interaction_cst": only(None),
            "warm_start": only(False),
            "early_stopping": mapped({"auto": False, False: False}, to="stops_early"),
            "scoring": ignored("only early stopping uses it"),
            "validation_fraction": ignored("only early stopping uses it"),
            "n_iter_no_change": ignored("only early stopping uses it"),
            "tol": ignored("only early stopping uses it"),
            "verbose": SILENT,
            "random_state": rename("seed"),
            "sample": const(1.0, "by default the library takes half of the rows in each round"),
        },
        fit=Inputs(sample_weight=True, needs=(ONE_OUTPUT, NO_EARLY_STOPPING)),
        predict=Inputs(),
        methods=("predict", "staged_predict"),
        fidelity="alternative",
        tolerance=0.1,
        note="gradient boosting without histograms",
        export=Export(refused="its trees are grown by another algorithm, and scikit-learn's cannot hold them"),
    ),
    Row(
        estimator="sklearn.ensemble.RandomForestClassifier",
        backend=f"{LIBRARY}.Forest",
        params={
            "n_estimators": rename("trees"),
            "criterion": only("gini", "entropy"),
            "max_depth": same,
            "min_samples_split": same,
            "min_samples_leaf": same,
            "min_weight_fraction_leaf": same,
            "max_features": same,
            "max_leaf_nodes": same,
            "min_impurity_decrease": same,
            "bootstrap": same,
            "oob_score": only(False),
            "n_jobs": same,
            "random_state": adjusted(
                lambda seed: seed + 1 if is_number(seed) else seed, "it counts seeds from 1", to="seed"
            ),
            "verbose": SILENT,
            "warm_start": only(False),
            "class_weight": same,
            "ccp_alpha": same,
            "max_samples": same,
            "monotonic_cst": same,
        },
        fit=Inputs(sparse=("csc",), sample_weight=True, needs=(ONE_OUTPUT,)),
        predict=Inputs(sparse=("csr",)),
        methods=("predict", "predict_proba"),
        inherited=("predict_log_proba",),
        refused={
            "apply": "the library numbers its leaves otherwise",
            "decision_path": "the library numbers its nodes otherwise",
        },
        fidelity="statistical",
        tolerance=0.05,
        devices=("cpu",),
        export=Export(restores=False),
    ),
    Row(
        estimator="sklearn.linear_model.LogisticRegression",
        backend=f"{LIBRARY}.LogisticRegression",
        params={
            "penalty": PENALTY,
            "C": adjusted(lambda value: 1 / value, "the weight of the penalty instead of its inverse", to="l2"),
            "l1_ratio": PENALTY,
            "dual": only(False),
            "tol": same,
            "fit_intercept": rename("intercept"),
            "intercept_scaling": ignored("only solver='liblinear' uses it"),
            "class_weight": same,
            "random_state": NOT_RANDOM,
            "solver": only("lbfgs"),
            "max_iter": same,
            "verbose": SILENT,
            "warm_start": same,
            "n_jobs": ONE_THREAD,
            "multi_class": only("deprecated", "auto", "multinomial").versions(until="1.8"),
        },
        fit=Inputs(sparse=("csr", "csc"), sample_weight=True),
        predict=Inputs(sparse=("csr",)),
        methods=("predict", "predict_proba", "decision_function"),
        inherited=("predict_log_proba",),
        refused={
            "sparsify": "the library keeps its coefficients as they are",
            "densify": "the library keeps its coefficients as they are",
        },
        worth=Worth(ratio=3.0, seen="nothing: the library is pretended", needs=(REGION,)),
        export=Export(),
    ),
    Row(
        estimator="sklearn.linear_model.Ridge",
        backend=f"{LIBRARY}.RidgeRegression",
        params={
            "alpha": rename("l2"),
            "fit_intercept": rename("intercept"),
            "copy_X": NO_COPY,
            "max_iter": same,
            "tol": same,
            "solver": mapped({"auto": "factorize", "cholesky": "factorize", "svd": "decompose"}, to="method"),
            "positive": only(False),
            "random_state": NOT_RANDOM,
        },
        fit=Inputs(sparse=("csr",), sample_weight=True, needs=(ONE_OUTPUT,)),
        predict=Inputs(sparse=("csr", "csc")),
        methods=("predict",),
        engine_params={"trouble": None},
        export=Export(),
    ),
    NEIGHBORS,
    # On another kind of device the library may take less, or something else: that is a row of its own.
    replace(
        NEIGHBORS,
        params={
            **NEIGHBORS.params,
            "weights": only("uniform"),
            "p": only(2),
            "metric": adjusted(lambda metric: "euclidean", "the same with p=2, under the only name known there"),
        },
        fit=Inputs(needs=(ENOUGH_NEIGHBORS, ONE_OUTPUT, FEW_COLUMNS)),
        devices=("accelerator",),
        note="with Euclidean distances only",
    ),
    Row(
        estimator="sklearn.preprocessing.StandardScaler",
        backend=f"{LIBRARY}.Scaler",
        params={"copy": NO_COPY, "with_mean": only(True), "with_std": same},
        fit=Inputs(nan=True, sample_weight=True),
        methods=("transform", "inverse_transform"),
        export=Export(),
    ),
    Row(
        estimator="sklearn.svm.SVC",
        backend=f"{LIBRARY}.KernelMachine",
        params={
            "C": rename("cost"),
            "kernel": mapped({"rbf": "gauss", "linear": "none"}),
            "degree": ignored("only kernel='poly' uses it"),
            "gamma": only("scale", "auto", where=is_number, text="a number"),
            "coef0": ignored("only kernel='poly' and kernel='sigmoid' use it"),
            "shrinking": same,
            "probability": only("deprecated", False),
            "tol": same,
            "cache_size": ignored("engine_params has `cache_mb`"),
            "class_weight": same,
            "verbose": SILENT,
            "max_iter": same,
            "decision_function_shape": same,
            "break_ties": only(False),
            "random_state": rename("seed"),
        },
        fit=Inputs(sample_weight=True),
        predict=Inputs(),
        methods=("predict", "decision_function"),
        refused={
            "predict_proba": "the library fits no probabilities",
            "predict_log_proba": "the library fits no probabilities",
        },
        engine_params={"cache_mb": 200},
        export=Export(),
    ),
)
