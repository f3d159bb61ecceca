"""Train with an engine, and write the model in every form in which it can be deployed: ``python train.py FOLDER``."""

import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import accelerate, save, to_sklearn


def train():
    """A fitted pipeline, and the rows that it has not seen."""
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_new, y_train, _ = train_test_split(X, y, random_state=0)
    pipe = make_pipeline(StandardScaler(), SVC(C=10))
    model = accelerate(pipe, engine={"svc": ["sklearnex", "sklearn"]}).fit(X_train, y_train)
    return model, X_new


def write(model, folder):
    """Three files of one model; a deployment takes one of them."""
    joblib.dump(model, folder / "model.joblib")  # the wrapper: answers with the engine where the engine is
    joblib.dump(to_sklearn(model), folder / "plain.joblib")  # scikit-learn's own: needs neither accelsk nor the engine
    save(model, folder / "model.skops")  # the same, in a file that is opened without running code


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model, X_new = train()
    write(model, folder)
    np.save(folder / "new.npy", X_new)
    print(model.decision_)
