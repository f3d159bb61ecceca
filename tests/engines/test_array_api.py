"""Engine array_api: scikit-learn's own code on tensors."""

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from accelsk.testing import parametrize_with_engine_checks


@parametrize_with_engine_checks("array_api")
def test_array_api_keeps_the_engine_contract(check):
    check()
