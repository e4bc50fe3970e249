"""Another package adds to the server: what the README shows, installed and called."""

import re
import sys
import textwrap
from pathlib import Path

import orjson
import pytest
from engine_double import caller, modern, told

from atoms_mcp.app import build_core
from atoms_mcp.engine.frame import Frame
from atoms_mcp.errors import ConfigError
from atoms_mcp.identity.caller import READ_SCOPE
from atoms_mcp.settings import ServerSettings, load

README = (Path(__file__).parent.parent / "README.rst").read_text()
# The file of the package, as it stands below "Add your own tools".
EXAMPLE = textwrap.dedent(
    re.search(
        r"``shouting/tools.py``:\n\n.. code-block:: python\n\n(.*?)\n\n``", README, re.DOTALL
    )[1]
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with one entry point, as pip leaves it behind."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(source):
        package = tmp_path / "shouting"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "tools.py").write_text(source)
        info = tmp_path / "shouting-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[atoms_mcp.tools]\nshout = shouting.tools:tool\n")

    yield put
    for name in ("shouting.tools", "shouting"):
        sys.modules.pop(name, None)


@pytest.fixture
def settings(tmp_path):
    return load(
        ServerSettings,
        {
            "SUPABASE_URL": "https://abc.supabase.co",
            "SUPABASE_ANON_KEY": "k",
            "ATOMS_STATE_DIR": str(tmp_path / "state"),
        },
    )


async def ask(core, method, params=None, **who):
    message, _ = modern(method, params)
    frame = Frame("r-1", caller=caller(**who))
    return told(await core.engine.answer(orjson.dumps(message), frame))["result"]


async def test_the_example_of_the_readme_is_a_tool_like_any_other(install, settings):
    install(EXAMPLE)
    core = build_core(settings)

    listed = [tool["name"] for tool in (await ask(core, "tools/list"))["tools"]]
    reading = await ask(core, "tools/list", scopes=frozenset({READ_SCOPE}))
    result = await ask(core, "tools/call", {"name": "shout", "arguments": {"text": "hi"}})

    assert listed == ["entity_tool", "workspace_tool", "shout"]
    assert "shout" in [tool["name"] for tool in reading["tools"]]
    assert result["structuredContent"] == {"said": "HI", "by": "ada@x.test"}
    await core.close()


def test_the_example_has_ten_lines():
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('"type": "object"', '"type": "array"'), "tool 'shout': input_schema must have"),
        (('name="shout"', 'name="entity_tool"'), "tool entity_tool: the name is given twice"),
        (("tool = Tool(", "other = Tool("), "entry point shout (shouting.tools:tool)"),
    ],
)
def test_what_cannot_be_added_keeps_the_server_from_starting(install, settings, change, words):
    install(EXAMPLE.replace(*change))

    with pytest.raises(ConfigError) as refused:
        build_core(settings)

    assert words in "\n".join(refused.value.faults)
