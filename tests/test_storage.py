"""save() and load(): a file that is opened without running code from it."""

import pickle
import zipfile

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, accelerate, load, save
from accelsk.errors import AccelskError, NotPortable, UntrustedModel

pytest.importorskip("skops")

ON = {"engine": "loopback", "device": "cpu", "fallback": "silent"}


@pytest.mark.parametrize(
    "estimator",
    [
        SVC(C=3),
        make_pipeline(StandardScaler(), PCA(2), SVC()),
        GridSearchCV(Pipeline([("scale", StandardScaler()), ("clf", SVC())]), {"clf__C": [1, 10]}, cv=3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_was_saved_is_loaded_as_scikit_learns(iris, tmp_path, estimator):
    X, y = iris
    model = accelerate(estimator, **ON).fit(X, y)
    path = tmp_path / "model.skops"

    save(model, path)
    again = load(path)

    assert type(again) is type(estimator)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert [each.name for each in tmp_path.iterdir()] == ["model.skops"]


class Doubling(TransformerMixin, BaseEstimator):
    """A class that nobody has looked at."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return 2 * X


def test_what_is_not_trusted_is_not_built(iris, tmp_path, monkeypatch):
    X, y = iris
    path = tmp_path / "model.skops"
    model = accelerate(make_pipeline(Doubling(), SVC()), **ON).fit(X, y)
    save(model, str(path))
    name = f"{Doubling.__module__}.Doubling"

    monkeypatch.setattr(Doubling, "__new__", lambda cls: pytest.fail("it was built"))
    with pytest.raises(UntrustedModel, match="not known to be harmless") as caught:
        load(path)
    monkeypatch.undo()

    assert caught.value.untrusted == (name,)
    assert f"trusted=['{name}']" in caught.value.hint
    assert pickle.loads(pickle.dumps(caught.value)).untrusted == (name,)
    np.testing.assert_array_equal(load(path, trusted=[name]).predict(X), model.predict(X))


def test_a_pickle_is_refused(iris, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(SVC().fit(*iris)))

    with pytest.raises(AccelskError, match="not in skops' format") as caught:
        load(path)
    assert "accelsk inspect" in caught.value.hint


def test_another_archive_is_refused(tmp_path):
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no model")

    with pytest.raises(AccelskError, match="not in skops' format"):
        load(path)


def test_a_file_is_replaced_by_a_whole_one_or_not_at_all(iris, tmp_path):
    path = tmp_path / "model.skops"
    save(AcceleratedEstimator(SVC(), **ON).fit(*iris), path)
    before = path.read_bytes()

    with pytest.raises(NotPortable):
        save(AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=3), **ON).fit(*iris), path)
    broken = SVC().fit(*iris)
    broken.extra_ = (each for each in "no state")  # which has no pickle, and no other form
    with pytest.raises(NotPortable, match="cannot be copied"):
        save(broken, path)

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["model.skops"]
