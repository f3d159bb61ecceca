"""Where the rows of ``sklearn.svm`` differ from cuML's own translation, and why."""

from __future__ import annotations

_SVC, _SVR = "sklearn.svm.SVC", "sklearn.svm.SVR"
_LINEAR_SVC, _LINEAR_SVR = "sklearn.svm.LinearSVC", "sklearn.svm.LinearSVR"

GRID = {
    _LINEAR_SVC: tuple(
        {"penalty": penalty, "loss": loss, "dual": dual}
        for penalty in ("l1", "l2")
        for loss in ("hinge", "squared_hinge")
        for dual in (True, False, "auto")
    ),
    _LINEAR_SVR: tuple(
        {"loss": loss, "dual": dual}
        for loss in ("epsilon_insensitive", "squared_epsilon_insensitive")
        for dual in (True, False, "auto")
    ),
    _SVC: ({"break_ties": True, "decision_function_shape": "ovo"}, {"cache_size": 100}),
    _SVR: ({"cache_size": 100},),
}
_COMBINED = "liblinear has no such combination, and scikit-learn says so"
_SIGMOID = "the problem has no single optimum"
REFUSED = {
    (_LINEAR_SVC, "dual"): _COMBINED,
    (_LINEAR_SVR, "dual"): _COMBINED,
    (_SVC, "break_ties"): "scikit-learn itself refuses it with decision_function_shape='ovo'",
    (_SVC, "kernel"): _SIGMOID,
    (_SVR, "kernel"): _SIGMOID,
}
TAKEN: dict[tuple[str, str], str] = {}
_CACHE = "it is the memory of libsvm; cuML's is set by engine_params"
_PENALIZED = "liblinear's penalty is on the intercept, too"
CORRECTED = {
    (_SVC, "cache_size"): _CACHE,
    (_SVR, "cache_size"): _CACHE,
    (_SVC, "decision_function_shape"): "a model per pair, of which either shape is computed here",
    (_LINEAR_SVC, "penalized_intercept"): _PENALIZED,
    (_LINEAR_SVR, "penalized_intercept"): _PENALIZED,
    (_LINEAR_SVC, "C"): "the gradient of cuML's squared hinge is half of liblinear's",
    (_LINEAR_SVC, "tol"): "cuML's solver stops earlier",
    (_LINEAR_SVR, "tol"): "cuML's solver stops earlier",
    (_LINEAR_SVR, "penalty"): "scikit-learn's penalty is L2, whatever the loss",
}
LEFT = {
    (_SVC, "random_state"): "nothing is drawn without probabilities",
}
