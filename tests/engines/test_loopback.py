from accelsk.testing import parametrize_with_engine_checks


@parametrize_with_engine_checks(
    "loopback",
    {"HistGradientBoostingRegressor-fitted_attributes_are_there": "another algorithm has other fitted attributes"},
)
def test_loopback_keeps_the_engine_contract(check):
    check()
