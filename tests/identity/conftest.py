"""What the tests of this floor begin with."""

import pytest
from supabase_double import _no_waiting_between_tries, clock, supabase  # noqa: F401 - fixtures


class Sleeps(list):
    """Waits for nothing, and notes for how long."""

    async def __call__(self, seconds):
        self.append(seconds)


@pytest.fixture
def sleeps():
    return Sleeps()
