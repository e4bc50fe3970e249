import sys
import textwrap

import pytest

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt
from atoms_mcp.engine.offer.resource import Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.errors import ConfigError
from atoms_mcp.tools.entry_points import check_offer, gather, load_offers


async def handler(*_anything):
    return {}


TOOL = Tool("a", "A.", handler, {"type": "object"})
RESOURCE = Resource("a://b", "b", handler)
TEMPLATE = ResourceTemplate("a://{b}", "b", handler)
PROMPT = Prompt("p", "P.", handler)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a tiny package, as pip leaves one behind."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(source, **entries):
        (tmp_path / "shouting_tools.py").write_text(textwrap.dedent(source))
        info = tmp_path / "shouting_tools-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: shouting-tools\nVersion: 1.0\n"
        )
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[atoms_mcp.tools]", *lines, ""]))

    yield put
    sys.modules.pop("shouting_tools", None)


@pytest.mark.parametrize(
    ("found", "offer"),
    [
        (TOOL, Offer(tools=(TOOL,))),
        (RESOURCE, Offer(resources=(RESOURCE,))),
        (TEMPLATE, Offer(templates=(TEMPLATE,))),
        (PROMPT, Offer(prompts=(PROMPT,))),
        ([PROMPT, TOOL], Offer(tools=(TOOL,), prompts=(PROMPT,))),
        (lambda: [TOOL], Offer(tools=(TOOL,))),
        (Offer(tools=(TOOL,)), Offer(tools=(TOOL,))),
        ([], Offer()),
    ],
)
def test_an_entry_point_may_be_one_many_or_a_function(found, offer):
    gathered = gather(found)

    assert (gathered.tools, gathered.resources) == (offer.tools, offer.resources)
    assert (gathered.templates, gathered.prompts) == (offer.templates, offer.prompts)


@pytest.mark.parametrize("found", [None, 5, "tool", {"a": TOOL}, [TOOL, 5]])
def test_anything_else_is_refused(found):
    with pytest.raises(TypeError, match="is neither a Tool"):
        gather(found)


def test_nothing_installed_adds_nothing():
    assert load_offers().tools == ()


def test_an_installed_package_adds_its_tools(install):
    install(
        """
        from atoms_mcp import Tool

        async def shout(context, arguments):
            return {"said": arguments["text"].upper()}

        def build():
            schema = {"type": "object", "properties": {"text": {"type": "string"}}}
            return [Tool(name="shout", description="Say it loudly.", handler=shout,
                         input_schema=schema)]
        """,
        shout="shouting_tools:build",
    )

    assert [tool.name for tool in load_offers().tools] == ["shout"]


def test_every_entry_point_that_cannot_be_loaded_is_named(install):
    install("thing = 5", one="shouting_tools:thing", two="shouting_tools:gone", three="no_such:x")

    with pytest.raises(ConfigError) as refused:
        load_offers()

    told = "\n".join(refused.value.faults)
    assert len(refused.value.faults) == 3
    assert "entry point one (shouting_tools:thing): int is neither" in told
    assert "entry point two (shouting_tools:gone)" in told
    assert "No module named 'no_such'" in told


def test_what_clients_choke_on_is_refused_before_the_server_starts():
    with pytest.raises(ConfigError, match="the name is given twice"):
        check_offer(Offer(tools=(TOOL, TOOL)))

    check_offer(Offer(tools=(TOOL,)))
