import pytest
from structlog.testing import capture_logs
from supabase_double import _no_waiting_between_tries, clock, supabase  # noqa: F401 - fixtures
from visit_double import make_visit, signed_in, visit  # noqa: F401 - fixtures
from web_double import WebDouble


@pytest.fixture
async def make_web(supabase, clock):  # noqa: F811 - the fixtures of above
    """Start a server with further settings."""
    started = []

    async def make(**environ):
        web = await WebDouble(supabase, clock, **environ).start()
        started.append(web)
        return web

    yield make
    for web in started:
        await web.close()


@pytest.fixture
async def web(make_web):
    """A server in simple mode."""
    return await make_web()


@pytest.fixture
def lines():
    """The log lines of the test."""
    with capture_logs() as captured:
        yield captured
