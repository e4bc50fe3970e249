import pytest
from asking_double import ask  # noqa: F401 - a fixture
from jinja2 import Environment
from structlog.testing import capture_logs
from supabase_double import _no_waiting_between_tries, clock, supabase  # noqa: F401 - fixtures
from visit_double import make_visit, signed_in, visit  # noqa: F401 - fixtures
from web_double import WebDouble


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once():
    """Each application would compile its templates anew, which is half the time of these tests."""
    compiled = {}
    compile_ = Environment.compile

    def compile_once(self, source, *more):
        key = (source, *more)
        if key not in compiled:
            compiled[key] = compile_(self, source, *more)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


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
