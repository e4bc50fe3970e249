import pytest
from engine_double import Bench


@pytest.fixture
def bench():
    return Bench()
