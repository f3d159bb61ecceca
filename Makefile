# `make` alone lists what there is. Everything runs in $(VENV), which is made on first use.

PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
ARGS    ?=
CUML_VENV ?= .venv-cuml
SYCL_VENV ?= .venv-sycl
PYTHONS ?= python3.11 python3.12 python3.13

BIN      = $(VENV)/bin
METADATA = setup.cfg setup.py pyproject.toml
# One thread in each worker: OpenMP and BLAS threads of several workers on the same cores wait for each other. Where a
# test asks for more, those that wait sleep: spinning, they take the core from those that they wait for.
THREADS  = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive
# In the order of the files, and not the groups of tests first: a cluster is started in the last third, and not kept idle.
PYTEST   = $(THREADS) $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder
RESULT  ?= benchmarks/results/$(shell date +%Y-%m)-suite.json
LOOPBACK = tests/plugins/accelsk-loopback

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-sycl test-cuml conformance portability lint format docs bench bench-quick clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PYTHON=$(PYTHON) VENV=$(VENV) WORKERS=$(WORKERS) ARGS="..." (passed on to the command)'

demo: $(VENV)/.demo  ## Plain scikit-learn beside accelsk on the flights of 2013
	$(BIN)/accelsk demo $(ARGS)

test: $(VENV)/.test  ## The tests, without the slow ones
	$(PYTEST) -m "not slow" $(ARGS)

test-all:  ## All tests, on the oldest and on the newest supported versions
	@WORKERS=$(WORKERS) .ci/test-all $(ARGS)

test-sycl: $(SYCL_VENV)/.test  ## Engine sklearnex on SYCL devices, in an environment of its own (4 GB)
	@WORKERS=$(WORKERS) .ci/test-sycl $(SYCL_VENV) $(ARGS)

test-cuml: $(CUML_VENV)/.cuml  ## Engine cuml with an installed cuML (4.6 GB, of its own); it needs no GPU, and uses one
	$(THREADS) $(CUML_VENV)/bin/python -m pytest --numprocesses $(WORKERS) \
	  --dist loadgroup $(wildcard tests/engines/test_cuml*.py) tests/engines/test_held.py $(ARGS)

conformance: $(VENV)/.test  ## All of scikit-learn's checks on every class and the checks of every engine, counted
	$(PYTEST) tests/test_sklearn_contract.py tests/engines --counts docs/conformance-counts.md $(ARGS)

portability: $(VENV)/.test  ## Where the pickle of each row opens: other Pythons, versions, no engine, no accelsk
	$(BIN)/python tests/portability/matrix.py --folder .venv-portability --pythons $(PYTHONS) \
	  --write docs/portability-matrix.md

lint: $(VENV)/.lint  ## ruff, mypy, numpydoc and codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/numpydoc lint $$(find accelsk -name '*.py')
	$(BIN)/codespell accelsk docs tests benchmarks *.md

format: $(VENV)/.lint  ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.docs  ## The documentation, into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html $(ARGS)

bench-quick: $(VENV)/.bench  ## A case of every family beside plain and patched scikit-learn, and the bars: five minutes
	$(BIN)/python -m benchmarks.suite --quick $(ARGS)

bench: $(VENV)/.bench  ## All cases, the report in the documentation, and what importing, wrapping and backends cost: an hour
	$(BIN)/python -m benchmarks.suite --json $(RESULT) $(ARGS)
	$(BIN)/python -m benchmarks.report $(RESULT)
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/prefix_cache.py
	$(BIN)/python benchmarks/boosting.py
	$(BIN)/python benchmarks/parallel.py

clean:  ## Remove the environments and what was built in them
	rm -rf .venv .venv-sycl .venv-cuml .venv-portability .venv-oldest .venv-newest
	rm -rf build dist *.egg-info docs/_build docs/api/generated docs/engines/generated
	rm -rf .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache

# Each step of an installation leaves a stamp, so that it is done once, and again when the metadata changes.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "accelsk needs Python 3.11 or newer, and '$(PYTHON)' is not: try 'make demo PYTHON=python3.12'" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.demo: $(VENV)/.made $(METADATA)
	$(BIN)/python -m pip install --quiet --editable ".[all-cpu,demo]"
	@touch $@

# Forests are computed by ONNX Runtime where it is there.
$(VENV)/.bench: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable ".[all-cpu,demo,onnx]"
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --group test --group callers
	@test ! -d $(LOOPBACK) || $(BIN)/python -m pip install --quiet --editable $(LOOPBACK)
	@touch $@

$(CUML_VENV)/.cuml: $(METADATA)
	$(PYTHON) -m venv $(CUML_VENV)
	$(CUML_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(CUML_VENV)/bin/python -m pip install --quiet --editable ".[cuml-cu13]" --group test-cuml
	@touch $@

$(VENV)/.lint: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --group lint
	@touch $@

$(VENV)/.docs: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

# dpctl in a folder of its own: what is tested is sklearnex with and without it.
$(SYCL_VENV)/.test: $(METADATA)
	$(PYTHON) -m venv $(SYCL_VENV)
	$(SYCL_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(SYCL_VENV)/bin/python -m pip install --quiet --editable ".[sklearnex-gpu]" --group test
	@test ! -d $(LOOPBACK) || $(SYCL_VENV)/bin/python -m pip install --quiet --editable $(LOOPBACK)
	$(SYCL_VENV)/bin/python -m pip install --quiet --no-deps --upgrade --target $(SYCL_VENV)/dpctl dpctl
	@touch $@
