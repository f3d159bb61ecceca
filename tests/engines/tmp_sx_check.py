from accelsk.testing import parametrize_with_engine_checks
@parametrize_with_engine_checks("sklearnex")
def test_sx(check):
    check()
