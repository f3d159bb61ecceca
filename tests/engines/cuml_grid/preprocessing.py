"""Preprocessing: settings beside one allowed value each, and where a row differs from cuML's own translation."""

import numpy as np

_IMPUTER = "sklearn.impute.SimpleImputer"
_ONE_HOT = "sklearn.preprocessing.OneHotEncoder"
_TARGET = "sklearn.preprocessing.TargetEncoder"

GRID = {
    _ONE_HOT: (
        {"drop": "first", "sparse_output": False, "handle_unknown": "ignore"},
        {"drop": ["a", 1.0]},
        {"drop": "if_binary"},
        {"dtype": np.float32},
        {"dtype": np.int64},
        {"categories": [[1.0, 2.0], ["a", "b"]]},
        {"handle_unknown": "warn"},
        {"handle_unknown": "infrequent_if_exist", "min_frequency": 2},
    ),
    "sklearn.preprocessing.OrdinalEncoder": (
        {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
        {"handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"dtype": np.int32},
        {"encoded_missing_value": -1},
    ),
    _TARGET: (
        {"smooth": 2.0, "random_state": 0},
        {"smooth": 2, "random_state": 0, "cv": 3, "shuffle": True},
        {"smooth": 2.0, "random_state": 0, "shuffle": False},
        {"smooth": 2.0, "random_state": None, "target_type": "continuous"},
    ),
    "sklearn.preprocessing.KBinsDiscretizer": (
        {"strategy": "uniform"},
        {"strategy": "kmeans", "encode": "ordinal"},
        {"strategy": "quantile", "quantile_method": "linear", "subsample": None},
    ),
    "sklearn.preprocessing.PolynomialFeatures": ({"degree": (1, 2)}, {"degree": 3, "order": "F"}),
    _IMPUTER: ({"strategy": "median", "missing_values": -1}, {"missing_values": None}),
    "sklearn.naive_bayes.CategoricalNB": ({"alpha": 0.0, "force_alpha": False}, {"alpha": [0.5, 1.0]}),
}
REFUSED = {
    (_TARGET, "shuffle"): "cuML's folds in order have one row each: it does not round their numbers",
    (_TARGET, "smooth"): "cuML's own translation makes 1.0 of scikit-learn's empirical Bayes estimate",
    (_TARGET, "target_type"): "cuML leaves it unread",
}
TAKEN = {
    (_ONE_HOT, "categories"): "lists of numbers: cuML's translation takes them for mixed types, its fit does not",
    (
        _TARGET,
        "smooth",
    ): "a number: cuML's translation refuses scikit-learn's default of random_state, 'deprecated'",
}
LEFT = {
    (_IMPUTER, "add_indicator"): "its default, which is all that is taken",
    (_IMPUTER, "fill_value"): "it is read with strategy='constant' only, which is refused",
}
