"""A web service that answers with one fitted model: ``MODEL=model.joblib uvicorn serve:app``."""

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import joblib
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, FiniteFloat


def open_model(path):
    """Open one of the files of train.py. A joblib file runs code: open none that you did not write."""
    if path.suffix == ".skops":
        import skops.io

        return skops.io.load(path)  # refuses every type that it does not know to be harmless
    return joblib.load(path)


def engine_of(model):
    """Which engine answers: its name, or a name for each step of a pipeline."""
    decision = getattr(model, "decision_", None)
    if decision is None:
        return "sklearn"  # the model is scikit-learn's own
    if hasattr(decision, "engine"):
        return decision.engine
    return {step: each.engine for step, each in decision.items()}


@asynccontextmanager
async def lifespan(app):
    app.state.model = open_model(Path(os.environ["MODEL"]))  # once, before the first request
    yield


app = FastAPI(lifespan=lifespan)


class Question(BaseModel):
    """Rows of finite numbers."""

    rows: Annotated[list[list[FiniteFloat]], Field(min_length=1, max_length=1000)]


@app.exception_handler(RequestValidationError)
def refuse(request: Request, error: RequestValidationError):
    """FastAPI's own answer repeats the input, and fails (500) where that has a NaN, which JSON does not know."""
    detail = [{"loc": each["loc"], "msg": each["msg"]} for each in error.errors()]
    return JSONResponse({"detail": detail}, status_code=422)


# Not "async def": FastAPI runs it in a pool of threads, so a request that computes does not hold up the others.
@app.post("/predict")
def predict(question: Question, request: Request):
    model = request.app.state.model
    if any(len(row) != model.n_features_in_ for row in question.rows):
        raise HTTPException(422, f"every row must have {model.n_features_in_} numbers")
    return {"prediction": model.predict(question.rows).tolist(), "engine": engine_of(model)}
