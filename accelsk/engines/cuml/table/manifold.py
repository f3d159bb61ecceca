"""Rows of ``sklearn.manifold``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import GPU, JOBS, SILENT, demanded, size
from accelsk.engines.rules import Refused, adjusted, const, ignored, mapped, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

_METRICS = (
    "euclidean",
    "l2",
    "sqeuclidean",
    "cityblock",
    "l1",
    "manhattan",
    "minkowski",
    "chebyshev",
    "cosine",
    "correlation",
)
_SPARSE_METRICS = ("euclidean", "l2", "cityblock", "l1", "manhattan", "minkowski", "chebyshev", "cosine")


def _metric(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, settings = params["metric"], params["metric_params"] or {}
    if not isinstance(metric, str) or metric not in _METRICS:
        raise Refused(" or ".join(f"metric={name!r}" for name in _METRICS))
    if set(settings) - {"p"} or (settings and metric != "minkowski"):
        raise Refused("metric_params=None, or metric_params={'p': ...} with metric='minkowski'")
    return {"metric": metric, "metric_params": params["metric_params"]}


_METRIC = together(
    "metric", "metric_params", translate=_metric, text="the metrics of cuML, of which only Minkowski's has a setting"
)


def _neighbors(params: Mapping[str, Any]) -> dict[str, Any]:
    perplexity = params["perplexity"]
    if not perplexity <= 340:
        raise Refused("perplexity of 340 or less")
    return {"perplexity": perplexity, "n_neighbors": int(3 * perplexity + 1)}


_PERPLEXITY = together(
    translate=_neighbors,
    text="passed on, with three times as many neighbours, as scikit-learn searches (cuML's default is 90, whatever the "
    "perplexity); up to 340, for cuML has 1023 neighbours at most",
)


def _rate(params: Mapping[str, Any]) -> dict[str, Any]:
    rate, exaggeration = params["learning_rate"], params["early_exaggeration"]
    if rate != "auto":
        return {"learning_rate": rate, "learning_rate_method": "none", "early_exaggeration": exaggeration}
    if exaggeration != 12 and params["method"] != "exact":
        raise Refused("early_exaggeration=12.0 with learning_rate='auto', or a number for learning_rate")
    return {"learning_rate": 200.0, "learning_rate_method": "adaptive", "early_exaggeration": exaggeration}


_RATE = together(
    "learning_rate",
    "early_exaggeration",
    translate=_rate,
    text="'auto' is cuML's own adaptation to the number of rows, which sets the early exaggeration, too",
)


def _steps(params: Mapping[str, Any]) -> dict[str, Any]:
    given = [value for name in ("n_iter", "max_iter") if (value := params.get(name)) not in (None, "deprecated")]
    return {"max_iter": given[0] if given else 1000}


_STEPS = together(translate=_steps, text="passed on as `max_iter`, None as 1000")

ROWS = (
    Row(
        estimator="sklearn.manifold.SpectralEmbedding",
        backend="cuml.manifold.SpectralEmbedding",
        params={
            "n_components": same,
            "affinity": only("nearest_neighbors", "precomputed"),
            "gamma": ignored("it is read with affinity='rbf' only, which is refused"),
            "random_state": same,
            "eigen_solver": ignored("it has one solver (Lanczos), of the same eigenvectors"),
            "eigen_tol": demanded("eigen_tol", "auto"),
            "n_neighbors": same,
            **JOBS,
        },
        fit=Inputs(
            sparse=("coo",),
            sparse_where=Need("affinity='precomputed'", lambda facts, params: params["affinity"] == "precomputed"),
            needs=(
                Need("two columns or more", lambda facts, params: size(facts)[1] > 1),
                Need(
                    "more rows than n_components + 1", lambda facts, params: size(facts)[0] > params["n_components"] + 1
                ),
                Need(
                    "as many rows as n_neighbors", lambda facts, params: (params["n_neighbors"] or 0) <= size(facts)[0]
                ),
            ),
        ),
        methods=("fit_transform",),
        fidelity="statistical",
        tolerance=0.05,  # float32; trustworthiness is what is compared. Kept on a GPU.
        export=Export(restores=False),
        devices=GPU,
        absent={"affinity_matrix_": "cuML does not keep it"},
        note="Computed in float32.",
    ),
    Row(
        estimator="sklearn.manifold.TSNE",
        backend="cuml.manifold.TSNE",
        params={
            "n_components": only(2),
            "perplexity": _PERPLEXITY,
            "early_exaggeration": _RATE,
            "learning_rate": _RATE,
            "max_iter": _STEPS,
            "n_iter": _STEPS.versions(until="1.7"),
            "n_iter_without_progress": ignored("a rule to save steps: all of them are made"),
            # cuML looks at it within the early exaggeration, too, where a fit was seen to end after 85 steps of 1000.
            "min_grad_norm": adjusted(lambda norm: 0.0, "0: all steps are made, as of n_iter_without_progress"),
            "metric": _METRIC,
            "metric_params": _METRIC,
            "init": only("pca", "random"),
            **SILENT,
            "random_state": same,
            # cuML's own Barnes-Hut may hang (its issues 3360 and 3865).
            "method": mapped({"barnes_hut": "fft", "exact": "exact"}),
            "angle": ignored("a setting of the Barnes-Hut approximation; it is a Fourier transform that approximates"),
            **JOBS,
            "square_distances": const(True, "scikit-learn squares those of every metric"),
        },
        fit=Inputs(
            sparse=("csr",),
            sparse_where=Need(
                "init='random' and a metric that cuML has for sparse data",
                lambda facts, params: params["init"] == "random" and params["metric"] in _SPARSE_METRICS,
            ),
            needs=(
                Need("two columns or more", lambda facts, params: size(facts)[1] > 1),
                Need("more rows than the perplexity", lambda facts, params: size(facts)[0] > params["perplexity"]),
            ),
        ),
        methods=("fit_transform",),
        inherited=("get_feature_names_out",),
        fidelity="statistical",
        # Another approximation, float32; trustworthiness is compared. To be confirmed on a GPU: with min_grad_norm
        # passed on it was 0.985 (scikit-learn: 0.987) for 100 rows, 0.75 (0.965) for 380, 0.964 (0.981) for 4000.
        tolerance=0.05,
        engine_params={
            "late_exaggeration": 1.0,
            "perplexity_max_iter": 100,
            "exaggeration_iter": 250,
            "pre_momentum": 0.5,
            "post_momentum": 0.8,
            "precomputed_knn": None,
        },
        export=Export(restores=False),
        devices=GPU,
        note="Computed in float32. method='barnes_hut' is approximated by interpolation with a Fourier transform. With "
        "learning_rate='auto', the early exaggeration is 24 for more than 10,000 rows.",
    ),
)
