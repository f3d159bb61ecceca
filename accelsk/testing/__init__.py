"""The checks by which an engine proves that it keeps its promises; for the engines here and for plug-ins alike. PUBLIC.

They are derived from what the engine declares: a row more is a set of checks more. In the engine's own test file::

    from accelsk.testing import parametrize_with_engine_checks

    @parametrize_with_engine_checks("mine", {"TSNE-repeats_itself": "its gradient is summed in any order"})
    def test_mine_keeps_the_engine_contract(check):
        check()
"""

from __future__ import annotations

from accelsk.testing.agreement import assert_agrees
from accelsk.testing.checks import EngineCheck, engine_checks, parametrize_with_engine_checks

__all__ = ["EngineCheck", "assert_agrees", "engine_checks", "parametrize_with_engine_checks"]
