"""Dask collections: the workers of the user's cluster train, the model comes home, and predictions are lazy."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import Normalizer, StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline, explain, to_sklearn
from accelsk.clusters import Cluster
from accelsk.engines import get, names
from accelsk.errors import NotPortable, UnsupportedInput, UnsupportedParameter, WorkerDied

pytest.importorskip("distributed")
pytest.importorskip("dask.dataframe")
xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("dask")]

BOTH = pytest.mark.parametrize("engine", ["xgboost", "lightgbm"])
N, CHUNK = 1200, 300


def wait_for_both(client, patience=60):
    """Wait for both workers: `Client.wait_for_workers` goes on waiting for those of a LocalCluster that are back."""
    deadline = time.monotonic() + patience
    while len(client.ncores()) < 2:
        assert time.monotonic() < deadline, "the workers have not come back"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def data(client):
    """Columns of few values, whose bins are the same however the rows are distributed."""
    import dask.array as da
    import dask.dataframe as dd
    import pandas as pd

    rng = np.random.default_rng(0)
    X = rng.integers(0, 40, size=(N, 4)).astype(float)
    y = X[:, 0] + X[:, 1] * X[:, 2] / 40 + rng.normal(size=N)
    labels = np.array(["low", "mid", "top"])[np.digitize(y, np.quantile(y, [0.3, 0.7]))]
    frame = pd.DataFrame(X, columns=list("abcd"))
    return SimpleNamespace(
        X=X,
        y=y,
        labels=labels,
        weights=rng.uniform(0.5, 2, size=N),
        frame=frame,
        dX=da.from_array(X, chunks=(CHUNK, 4)),
        dy=da.from_array(y, chunks=CHUNK),
        dlabels=da.from_array(labels, chunks=CHUNK),
        dframe=dd.from_pandas(frame, npartitions=4),
    )


def hist_classifier(**params):
    return HistGradientBoostingClassifier(max_iter=10, early_stopping=False, **params)


@pytest.fixture(scope="module")
def fitted(client, data):
    """A classifier of each engine, trained on the cluster."""
    return {
        engine: AcceleratedEstimator(hist_classifier(), engine=engine).fit(data.dX, data.dlabels)
        for engine in ("xgboost", "lightgbm")
    }


# -- training ------------------------------------------------------------------------------------------------------


@BOTH
def test_a_regression_is_what_it_is_on_one_machine(client, data, engine):
    there = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=10), engine=engine).fit(data.dX, data.dy)
    here = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=10), engine=engine).fit(data.X, data.y)
    np.testing.assert_allclose(there.predict(data.X), here.predict(data.X), rtol=1e-5)


@BOTH
def test_the_decision_says_how_many_workers_have_trained(fitted, engine):
    est = fitted[engine]
    assert est.engine_ == engine
    assert est.decision_.facts["workers"] == 2
    assert est.decision_.facts["partitions"] == 4
    assert "Trained by 2 workers of tcp://" in str(est.decision_)


@BOTH
def test_a_classification_keeps_the_labels_of_the_user(fitted, data, engine):
    there = fitted[engine]
    here = AcceleratedEstimator(hist_classifier(), engine=engine).fit(data.X, data.labels)
    assert there.classes_.tolist() == ["low", "mid", "top"]
    assert there.predict(data.X).dtype == data.labels.dtype
    assert abs(there.score(data.X, data.labels) - here.score(data.X, data.labels)) < 0.02
    assert np.mean(there.predict(data.X) == here.predict(data.X)) > 0.97


@BOTH
def test_a_worker_need_not_have_every_class_among_its_rows(client, data, engine):
    import dask.array as da

    order = np.argsort(data.labels)  # partitions of one class, or of two
    X, labels = data.X[order], data.labels[order]
    est = AcceleratedEstimator(hist_classifier(), engine=engine)
    est.fit(da.from_array(X, chunks=(CHUNK, 4)), da.from_array(labels, chunks=CHUNK))
    assert est.score(X, labels) > 0.9


@BOTH
def test_sample_weights_and_class_weights_count(client, data, engine):
    import dask.array as da

    # LightGBM estimates the rows of a leaf, and on a cluster of other numbers: one is to be enough.
    model = hist_classifier(class_weight="balanced", min_samples_leaf=1).set_params(max_iter=1)
    there = AcceleratedEstimator(model, engine=engine)
    there.fit(data.dX, data.dlabels, sample_weight=da.from_array(data.weights, chunks=CHUNK))
    here = AcceleratedEstimator(model, engine=engine).fit(data.X, data.labels, sample_weight=data.weights)
    assert np.isclose(there.predict_proba(data.X), here.predict_proba(data.X), rtol=1e-4).mean() > 0.9
    plain = AcceleratedEstimator(clone(model).set_params(class_weight=None), engine=engine).fit(data.X, data.labels)
    assert np.isclose(there.predict_proba(data.X), plain.predict_proba(data.X), rtol=1e-4).mean() < 0.1


@BOTH
def test_categories_are_found_in_all_partitions(client, data, engine):
    import dask.dataframe as dd
    import pandas as pd

    frame = data.frame.assign(kind=pd.Categorical(np.where(data.X[:, 3] < 20, "even", "odd")))
    frame.loc[N - 3 :, "kind"] = "even"
    y = data.y + 20 * (frame["kind"] == "odd")
    model = HistGradientBoostingRegressor(max_iter=10)
    there = AcceleratedEstimator(model, engine=engine)
    there.fit(dd.from_pandas(frame, npartitions=4), dd.from_pandas(y, npartitions=4))
    here = AcceleratedEstimator(model, engine=engine).fit(frame, y)
    assert there.feature_names_in_.tolist() == ["a", "b", "c", "d", "kind"]
    np.testing.assert_allclose(there.predict(frame), here.predict(frame), rtol=1e-4)


def test_gradient_boosting_trains_too_and_tells_what_matters(client, data):
    engine = "lightgbm"
    model = GradientBoostingRegressor(n_estimators=5, max_depth=3)
    there = AcceleratedEstimator(model, engine=engine).fit(data.dX, data.dy)
    here = AcceleratedEstimator(model, engine=engine).fit(data.X, data.y)
    np.testing.assert_allclose(there.feature_importances_, here.feature_importances_, atol=1e-3)


def test_partitions_without_rows_do_no_harm(client, data):
    import dask.dataframe as dd

    engine = "lightgbm"
    frame = dd.from_pandas(data.frame.assign(y=data.y), npartitions=4)
    frame = frame[frame["a"] * 0 + frame.index >= N // 2]  # the first two are empty now
    est = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=5), engine=engine)
    est.fit(frame[["a", "b", "c", "d"]], frame["y"])
    half = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=5), engine=engine)
    half.fit(data.frame.iloc[N // 2 :], data.y[N // 2 :])
    np.testing.assert_allclose(est.predict(data.frame), half.predict(data.frame), rtol=1e-4)


def test_the_libraries_own_classes_train_on_the_cluster(client, data):
    import dask.array as da

    for model in (xgboost.XGBClassifier(n_estimators=10), lightgbm.LGBMClassifier(n_estimators=10, verbosity=-1)):
        there = AcceleratedEstimator(model).fit(data.dX, data.dlabels)
        assert there.decision_.facts["workers"] == 2
        assert type(there.estimator_) is type(model)
        assert there.score(data.X, data.labels) > 0.9
        assert there.predict(data.X).dtype == data.labels.dtype
    for model in (xgboost.XGBRegressor(n_estimators=10), lightgbm.LGBMRegressor(n_estimators=10, verbosity=-1)):
        there = AcceleratedEstimator(model).fit(data.dX, data.dy, sample_weight=da.ones(N, chunks=CHUNK))
        here = AcceleratedEstimator(model).fit(data.X, data.y)
        np.testing.assert_allclose(there.predict(data.X), here.predict(data.X), rtol=1e-3)


@pytest.mark.slow
def test_rankers_train_on_the_cluster(client, data):
    import dask.array as da

    groups = np.repeat(np.arange(N // 20), 20)
    relevance = np.digitize(data.y, np.quantile(data.y, [0.5, 0.8]))
    dy = da.from_array(relevance, chunks=CHUNK)
    qid = da.from_array(groups, chunks=CHUNK)
    ranker = AcceleratedEstimator(xgboost.XGBRanker(n_estimators=5)).fit(data.dX, dy, qid=qid)
    assert np.corrcoef(ranker.predict(data.X), relevance)[0, 1] > 0.7
    sizes = da.from_array(np.full(N // 20, 20), chunks=CHUNK // 20)
    ranker = AcceleratedEstimator(lightgbm.LGBMRanker(n_estimators=5, verbosity=-1)).fit(data.dX, dy, group=sizes)
    assert np.corrcoef(ranker.predict(data.X), relevance)[0, 1] > 0.7


def test_early_stopping_of_a_librarys_own_class_looks_at_a_collection(client, data):
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=3, learning_rate=1.0)
    est = AcceleratedEstimator(model).fit(
        data.dX, data.dlabels, eval_set=[(data.dX[: 2 * CHUNK], data.dlabels[: 2 * CHUNK])], verbose=False
    )
    assert est.estimator_.get_booster().num_boosted_rounds() <= 200
    assert "mlogloss" in est.estimator_.evals_result()["validation_0"]


# -- the model is a local one ----------------------------------------------------------------------------------------


@BOTH
def test_the_model_goes_where_any_model_goes(fitted, data, engine):
    est = fitted[engine]
    again = pickle.loads(pickle.dumps(est))
    assert again.decision_.facts["workers"] == 2
    np.testing.assert_array_equal(again.predict(data.X), est.predict(data.X))
    with pytest.raises(NotPortable, match="trees"):
        to_sklearn(est)


def test_the_model_of_a_librarys_own_class_is_exported(client, data):
    est = AcceleratedEstimator(lightgbm.LGBMClassifier(n_estimators=5, verbosity=-1)).fit(data.dX, data.dlabels)
    plain = to_sklearn(est)
    assert type(plain) is lightgbm.LGBMClassifier
    np.testing.assert_array_equal(plain.predict(data.X), est.predict(data.X))


# -- predictions -------------------------------------------------------------------------------------------------------


@BOTH
def test_predictions_of_an_array_are_a_lazy_array_with_its_blocks(fitted, data, engine):
    import dask.array as da

    est = fitted[engine]
    labels, proba = est.predict(data.dX), est.predict_proba(data.dX)
    assert isinstance(labels, da.Array)
    assert (labels.chunks, labels.dtype) == ((data.dX.chunks[0],), data.labels.dtype)
    assert (proba.chunks, proba.dtype) == ((data.dX.chunks[0], (3,)), np.float64)
    np.testing.assert_array_equal(labels.compute(), est.predict(data.X))
    np.testing.assert_array_equal(proba.compute(), est.predict_proba(data.X))
    by_columns = data.dX.rechunk((CHUNK, 2))
    np.testing.assert_array_equal(est.predict(by_columns).compute(), est.predict(data.X))


def test_predictions_of_a_frame_keep_its_partitions(client, data):
    est = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=5), engine="lightgbm")
    est.fit(data.dframe, data.dframe["a"])
    predicted = est.predict(data.dframe)
    assert (predicted.npartitions, predicted.dtype) == (data.dframe.npartitions, np.float64)
    np.testing.assert_array_equal(np.asarray(predicted.compute()), est.predict(data.frame))


def test_any_fitted_model_predicts_collections_and_without_a_cluster(data):
    import dask

    est = AcceleratedEstimator(LogisticRegression(), engine="sklearn").fit(data.X, data.labels)
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_array_equal(est.predict_proba(data.dX).compute(), est.predict_proba(data.X))
        scaler = AcceleratedEstimator(StandardScaler().set_output(transform="pandas"), engine="sklearn").fit(data.frame)
        scaled = scaler.transform(data.dframe)
        assert list(scaled.columns) == list("abcd")
        np.testing.assert_array_equal(scaled.compute(), scaler.transform(data.frame))


def test_a_score_is_summed_over_the_blocks(fitted, data):
    est = AcceleratedEstimator(LinearRegression(), engine="sklearn").fit(data.X, data.y)
    assert est.score(data.dX, data.dy) == pytest.approx(est.score(data.X, data.y))
    clf = fitted["lightgbm"]
    weighted = clf.score(data.dX, data.dlabels, sample_weight=data.weights)
    assert weighted == pytest.approx(clf.score(data.X, data.labels, sample_weight=data.weights))


def test_what_is_not_one_row_for_each_row_is_refused(client, data):
    est = AcceleratedEstimator(KMeans(2), engine="sklearn").fit(data.X)
    with pytest.raises(UnsupportedInput, match="score is no sum"):
        est.score(data.dX)


# -- pipelines ---------------------------------------------------------------------------------------------------------


def test_a_pipeline_trains_its_last_step_on_the_cluster(client, data):
    pipe = AcceleratedPipeline([("norm", Normalizer()), ("clf", hist_classifier())], engine={"clf": "lightgbm"})
    pipe.fit(data.dX, data.dlabels)
    assert pipe.decision_["clf"].facts["workers"] == 2
    np.testing.assert_array_equal(pipe.predict(data.dX).compute(), pipe.predict(data.X))


def test_a_step_that_learns_says_that_it_takes_no_collections(client, data):
    pipe = AcceleratedPipeline([("scale", StandardScaler()), ("clf", hist_classifier())], engine={"clf": "xgboost"})
    with pytest.raises(UnsupportedInput, match="StandardScaler"):
        pipe.fit(data.dX, data.dlabels)


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_an_engine_that_does_not_train_on_collections_names_those_that_do(data):
    with pytest.raises(UnsupportedInput, match="'sklearn' does not train HistGradientBoosting") as refused:
        AcceleratedEstimator(hist_classifier(), engine="sklearn").fit(data.dX, data.dlabels)
    for way in ("engine='lightgbm'", "engine='xgboost'", "X.compute()", "ParallelPostFit"):
        assert way in str(refused.value)
    with pytest.raises(UnsupportedInput, match=r"X\.compute\(\)") as refused:
        AcceleratedEstimator(LogisticRegression(), engine="sklearn").fit(data.dX, data.dlabels)
    assert "xgboost" not in str(refused.value)


def test_auto_does_not_choose_trees_that_are_not_scikit_learns(data):
    with pytest.raises(UnsupportedInput, match="chosen only by name"):
        AcceleratedEstimator(hist_classifier()).fit(data.dX, data.dlabels)


def test_auto_chooses_them_where_that_fidelity_is_asked_for(client, data):
    est = AcceleratedEstimator(hist_classifier(), fidelity="alternative").fit(data.dX, data.dlabels)
    assert get(est.engine_).row("sklearn.ensemble.HistGradientBoostingClassifier").distributed


def test_without_a_client_the_error_says_how_to_make_one(data, monkeypatch):
    import distributed

    def none():
        raise ValueError("No global client found and no address provided")

    monkeypatch.setattr(distributed, "get_client", none)
    with pytest.raises(UnsupportedInput, match=r"client = Client\(\)"):
        AcceleratedEstimator(hist_classifier(), engine="xgboost").fit(data.dX, data.dlabels)


@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True},
        {"early_stopping": False, "warm_start": True},
        {"early_stopping": False, "interaction_cst": "no_interactions"},
    ],
)
def test_hyperparameters_that_a_cluster_cannot_have_are_refused(client, data, params):
    est = AcceleratedEstimator(HistGradientBoostingClassifier(**params), engine="lightgbm")
    with pytest.raises(UnsupportedParameter, match=next(reversed(params))):
        est.fit(data.dX, data.dlabels)


def test_targets_that_are_cut_otherwise_are_cut_again_or_refused(client, data):
    import dask.array as da

    est = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=2), engine="lightgbm")
    est.fit(data.dX, da.from_array(data.y, chunks=500))
    est.fit(data.dX, data.y)  # of this machine
    with pytest.raises(UnsupportedInput, match="X has 4 partitions and y has 3"):
        est.fit(data.dframe, da.from_array(data.y, chunks=400))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        est.fit(data.dX, data.dy[:-1])
    with pytest.raises(UnsupportedInput, match="X is a ndarray of this machine"):
        est.fit(data.X, data.dy)


def test_a_number_of_a_gpu_means_nothing_on_a_cluster(client, data):
    from accelsk.errors import DeviceNotAvailable

    with pytest.raises(DeviceNotAvailable, match="without a number"):
        AcceleratedEstimator(hist_classifier(), engine="xgboost", device="cuda:1").fit(data.dX, data.dlabels)


def test_bad_data_on_a_worker_are_an_error_here(client, data):
    import dask.array as da

    y = data.y.copy()
    y[-1] = np.nan
    est = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=2), engine="lightgbm").fit(data.dX, data.dy)
    before = est.predict(data.X)
    with pytest.raises(ValueError, match="NaN"):
        est.fit(data.dX, da.from_array(y, chunks=CHUNK))
    np.testing.assert_array_equal(est.predict(data.X), before)


def test_explain_does_not_need_the_cluster(data):
    decision = explain(hist_classifier(), data.dX, data.dlabels, engine="lightgbm")
    assert (decision.engine, decision.facts["container"]) == ("lightgbm", "dask")
    with pytest.raises(UnsupportedInput, match="chosen only by name"):
        explain(hist_classifier(), data.dX, data.dlabels)


def test_every_class_that_a_row_declares_is_there():
    from importlib.util import find_spec

    declared = {row.distributed.backend for name in names() for row in get(name).rows if row.distributed}
    assert {path.partition(".")[0] for path in declared} >= {"xgboost", "lightgbm"}
    for path in declared:
        module, _, cls = path.rpartition(".")
        if find_spec(path.partition(".")[0]) is not None:
            assert hasattr(pytest.importorskip(module), cls)


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def long_fit(client, data):
    """A fit that takes minutes, and what waits until the workers are in the middle of it."""
    wait_for_both(client)

    def start(engine, act):
        est = AcceleratedEstimator(hist_classifier(max_leaf_nodes=31).set_params(max_iter=100_000), engine=engine)

        def when_training():
            while not any("train" in str(key) or "fn-" in str(key) for key in _active(client)):
                time.sleep(0.1)
            time.sleep(0.5)
            act()

        threading.Thread(target=when_training, daemon=True).start()
        return est

    return start


def _active(client):
    return [
        key
        for keys in client.run(lambda dask_worker: list(dask_worker.active_threads.values())).values()
        for key in keys
    ]


@BOTH
def test_a_worker_that_is_killed_ends_the_fit_with_an_error(client, data, engine, long_fit):
    def kill():
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    est = long_fit(engine, kill)
    with pytest.raises(WorkerDied, match="went away") as died:
        est.fit(data.dX, data.dlabels)
    assert len(died.value.workers) == 1
    assert not est.__sklearn_is_fitted__()
    wait_for_both(client)
    assert est.set_params(max_iter=3).fit(data.dX, data.dlabels).score(data.X, data.labels) > 0.8


def test_xgboosts_tracker_has_a_process_of_its_own(client):
    """As a thread it would end the scheduler's process, which is this one, when it fails to tell of a dead worker."""
    import xgboost.dask

    from accelsk.engines.xgboost import tracker

    with tracker.apart(client):
        found = client.run_on_scheduler(xgboost.dask._start_tracker, 2, "127.0.0.1", None, 30)
        (process,) = tracker._processes.values()
        assert found["dmlc_tracker_uri"] == "127.0.0.1"
        assert process.poll() is None
    assert process.poll() is not None
    assert not tracker._processes


@pytest.mark.slow
def test_an_interrupt_ends_the_fit_and_frees_the_workers(client, data, long_fit):
    est = long_fit("lightgbm", lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        est.fit(data.dX, data.dlabels)
    wait_for_both(client)
    assert not any("train" in str(key) for key in _active(client))
    assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.mark.slow
def test_a_training_that_never_ends_by_itself_is_left(client):
    """As that of LightGBM may, whose other workers wait for the dead one."""
    wait_for_both(client)
    cluster = Cluster(client)
    first, second = sorted(cluster.workers())

    def work():
        waiting = client.submit(time.sleep, 600, workers=[second], pure=False)
        cluster.begin()
        os.kill(client.run(os.getpid, workers=[first])[first], signal.SIGKILL)
        return waiting.result()

    with pytest.raises(WorkerDied, match="restarted") as died:
        cluster.train(work, "a toy")
    assert died.value.restarted == (second,)
    wait_for_both(client)
    assert client.submit(sum, [1, 2]).result(timeout=30) == 3
