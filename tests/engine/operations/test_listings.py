import pytest
from engine_double import ALL, LEGACY, MODERN, Bench, Pipe, fault, modern, told
from offer_double import OFFER

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import Page, Resource, ResourceTemplate
from atoms_mcp.identity.caller import READ_SCOPE

READER = frozenset({READ_SCOPE})


@pytest.fixture
def bench():
    return Bench(OFFER)


async def ask(bench, revision, method, params=None, **frame):
    return told(await bench.ask(revision, method, params, **frame))["result"]


async def list_as_reader(bench, revision):
    if revision == MODERN:
        message, headers = modern("tools/list")
    else:
        headers = await bench.open(revision)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    reply = await bench.send(message, headers=headers, scopes=READER)
    return told(reply)["result"]["tools"]


@pytest.mark.parametrize("revision", ALL)
async def test_who_may_only_read_sees_what_only_reads(bench, revision):
    everything = [tool["name"] for tool in (await ask(bench, revision, "tools/list"))["tools"]]
    reading = await list_as_reader(bench, revision)

    assert "erase" in everything
    assert [tool["name"] for tool in reading] == [name for name in everything if name != "erase"]
    if revision != "2024-11-05":
        assert all(tool["annotations"]["readOnlyHint"] for tool in reading)


@pytest.mark.requirement("cache-private")
async def test_a_list_that_depends_on_rights_is_private(bench):
    result = await ask(bench, MODERN, "tools/list")
    assert (result["ttlMs"], result["cacheScope"]) == (300000, "private")
    only_reading = await ask(Bench(), MODERN, "tools/list")
    assert only_reading["cacheScope"] == "public"


@pytest.mark.requirement("cache-hints")
@pytest.mark.parametrize("method", ["prompts/list", "resources/templates/list"])
async def test_a_list_that_is_the_same_for_all_is_public(bench, method):
    result = await ask(bench, MODERN, method)

    assert (result["ttlMs"], result["cacheScope"]) == (300000, "public")


@pytest.mark.requirement("page-end")
@pytest.mark.parametrize("revision", ALL)
async def test_resources_come_in_pages_the_fixed_ones_first(bench, revision):
    seen, cursor = [], None
    for _ in range(3):
        params = {} if cursor is None else {"cursor": cursor}
        page = await ask(bench, revision, "resources/list", params)
        seen += [item["uri"] for item in page["resources"]]
        cursor = page.get("nextCursor")
        if revision == MODERN:
            assert (page["ttlMs"], page["cacheScope"]) == (0, "private")

    assert cursor is None
    assert seen == ["test://static", *(f"test://id-ada/{number}" for number in range(6))]


@pytest.mark.requirement("t24-cursors", "base-handles")
async def test_a_cursor_is_good_for_its_user_alone(bench):
    cursor = (await ask(bench, MODERN, "resources/list"))["nextCursor"]

    own = await ask(bench, MODERN, "resources/list", {"cursor": cursor})
    foreign = await bench.ask(MODERN, "resources/list", {"cursor": cursor}, who="bob")

    assert own["resources"][0]["uri"] == "test://id-ada/2"
    assert fault(foreign) == (400, 1, -32602)


@pytest.mark.requirement("page-bad-cursor", "t24-cursors")
@pytest.mark.parametrize("cursor", ["", "made-up", "c1.AAAA.BBBB", 5, [], {}])
@pytest.mark.parametrize(
    "method", ["resources/list", "tools/list", "prompts/list", "resources/templates/list"]
)
async def test_a_cursor_that_was_never_given_out_is_refused(bench, cursor, method):
    assert fault(await bench.ask(MODERN, method, {"cursor": cursor})) == (400, 1, -32602)


async def test_a_template_that_finds_nothing_makes_room_for_the_next():
    async def find(_context, cursor):
        return Page([{"uri": "a://1", "name": "1"}]) if cursor else Page([], "more")

    async def find_nothing(_context, _cursor):
        return Page([])

    def template(name, found):
        return ResourceTemplate(f"a://{name}/{{b}}", name, find, list=found)

    bench = Bench(Offer(templates=(template("x", find_nothing), template("y", find))))

    page = await ask(bench, MODERN, "resources/list")
    assert [item["uri"] for item in page["resources"]] == ["a://1"]
    assert "nextCursor" not in page
    empty = Bench(Offer(templates=(template("x", find_nothing),)))
    assert (await ask(empty, MODERN, "resources/list"))["resources"] == []


async def test_fixed_resources_alone_are_one_public_page():
    async def read(_context):
        return []

    bench = Bench(Offer(resources=(Resource("a://b", "b", read),)))

    page = await ask(bench, MODERN, "resources/list")
    assert page["resources"] == [{"uri": "a://b", "name": "b"}]
    assert page["cacheScope"] == "public"
    assert fault(await bench.ask(MODERN, "resources/list", {"cursor": "x"}))[2] == -32602


@pytest.mark.requirement("ver-no-leftovers")
@pytest.mark.parametrize("revision", LEGACY)
async def test_older_lists_lack_what_came_later(bench, revision):
    (prompt,) = (await ask(bench, revision, "prompts/list"))["prompts"]
    (template,) = (await ask(bench, revision, "resources/templates/list"))["resourceTemplates"]
    page = await ask(bench, revision, "resources/list")

    for item in (prompt, prompt["arguments"][0], template, *page["resources"]):
        assert ("title" in item) == (revision >= "2025-06-18")
    assert ("icons" in prompt) == (revision >= "2025-11-25")
    noted = page["resources"][1]["annotations"]
    assert ("lastModified" in noted) == (revision >= "2025-06-18")
    assert not page.keys() & {"ttlMs", "cacheScope", "resultType", "_meta"}


@pytest.mark.requirement("disc-capabilities")
@pytest.mark.parametrize(
    "method",
    ["resources/list", "resources/templates/list", "resources/read", "prompts/list", "prompts/get"],
)
async def test_what_is_not_offered_is_no_method(method):
    bench = Bench()

    assert fault(await bench.ask(MODERN, method)) == (404, 1, -32601)
    assert fault(await bench.ask("2025-11-25", method)) == (200, 1, -32601)


async def test_where_nobody_is_known_yet_all_tools_are_listed(bench):
    message, _ = modern("tools/list")

    result = told(await Pipe(bench, who=None).send(message))["result"]

    assert "erase" in [tool["name"] for tool in result["tools"]]
