"""Functions called over REST, on a real PostgreSQL."""

import pytest
from rest_world import ADA

OBJECT = "application/vnd.pgrst.object+json"


async def test_named_arguments_and_defaults(rest):
    both = await rest.post("rpc/add", {"b": 2, "a": 1})
    one = await rest.post("rpc/add", {"a": 1})
    got = await rest.get("rpc/add?a=1&b=5")

    assert [reply.text for reply in (both, one, got)] == ["3", "11", "6"]
    assert both.headers["Content-Type"] == "application/json; charset=utf-8"
    assert (both.status, both.range) == (200, "0-0/*")


@pytest.mark.parametrize("value", ["it's", 'q"', "a,b", "\\", "\n", "'; select 1; --", "✓", "null"])
async def test_values_are_kept_as_they_are(rest, value):
    posted = await rest.post("rpc/echo", {"t": value})
    got = await rest.get("rpc/echo", params={"t": value})

    assert (posted.rows, got.rows) == (value, value)


async def test_a_null_result_is_json_null(rest):
    reply = await rest.post("rpc/echo", {"t": None})

    assert (reply.status, reply.text) == (200, "null")


async def test_void_has_no_content(rest, owner):
    reply = await rest.post("rpc/finish", {"named": "one"})

    assert (reply.status, reply.text) == (204, "")
    assert await owner.fetchval("select done from tasks where title = 'one'")


async def test_arrays_and_variadic_arguments(rest):
    array = await rest.post("rpc/given_array", {"a": [7, 8]})
    literal = await rest.get("rpc/given_array", params={"a": "{7,8}"})
    many = await rest.get("rpc/total?ns=1&ns=2&ns=3")
    posted = await rest.post("rpc/total", {"ns": [1, 2]})

    assert [reply.rows for reply in (array, literal, many, posted)] == [7, 7, 6, 3]


async def test_sets_of_values_are_arrays(rest):
    reply = await rest.get("rpc/numbers?upto=3", prefer="count=exact")

    assert (reply.rows, reply.range) == ([1, 2, 3], "0-2/3")


async def test_tables_are_selected_filtered_ordered_and_paged(rest):
    reply = await rest.post(
        "rpc/pairs?select=x:label&n=gt.2&order=n.desc&limit=2&offset=1",
        {"upto": 6},
        prefer="count=exact",
    )

    assert reply.rows == [{"x": "n5"}, {"x": "n4"}]
    assert (reply.status, reply.range) == (206, "1-2/4")


async def test_filters_of_a_get_stand_beside_its_arguments(rest):
    reply = await rest.get("rpc/pairs?upto=6&n=in.(1,6)&select=n", Range="1-1")

    assert (reply.rows, reply.range) == ([{"n": 6}], "1-1/*")


async def test_a_single_out_argument_is_an_object(rest):
    reply = await rest.post("rpc/only_out", {"a": 4})

    assert reply.rows == {"doubled": 8}


async def test_rows_of_a_table_embed_its_relations_under_row_level_security(rest):
    reply = await rest.post("rpc/my_tasks?select=title,orgs(name)&order=title", {"at_least": 2})

    assert reply.rows == [
        {"title": "four", "orgs": None},
        {"title": "two words", "orgs": {"name": "Acme"}},
    ]


async def test_one_row_is_an_object(rest):
    found = await rest.get("rpc/one_task?named=one&select=title")
    asked = await rest.get("rpc/my_tasks?title=eq.one&select=title", Accept=OBJECT)
    many = await rest.get("rpc/my_tasks", Accept=OBJECT)

    assert found.rows == {"title": "one"}
    assert asked.rows == {"title": "one"}
    assert (many.status, many.code) == (406, "PGRST116")


async def test_the_whole_body_can_be_the_argument(rest):
    for body in ({"x": [1]}, [{"x": 1}, {"x": 2}], {}):
        reply = await rest.post("rpc/whole", body)
        assert reply.rows == body


async def test_a_body_is_not_needed(rest):
    for body in (None, "", "{}"):
        reply = await rest.post("rpc/my_tasks?select=title", body)
        assert len(reply.rows) == 3


async def test_the_database_knows_who_asks_and_what(rest):
    reply = await rest.get("rpc/whoami", X_Odd="a\xe9b", Prefer="timezone=Europe/Paris")

    said = reply.rows
    assert said["role"] == "authenticated"
    assert said["session"] == "authenticator"
    assert said["claims"] == {"role": "authenticated", "sub": ADA}
    assert (said["method"], said["path"]) == ("GET", "/rpc/whoami")
    assert said["headers"]["x-odd"] == "aéb"
    assert (said["search_path"], said["timezone"]) == ("public", "Europe/Paris")
    assert reply.headers["Preference-Applied"] == "timezone=Europe/Paris"


async def test_head_and_options(rest):
    head = await rest("HEAD", "rpc/numbers?upto=3")
    stable = await rest("OPTIONS", "rpc/add")
    volatile = await rest("OPTIONS", "rpc/finish")
    unknown = await rest("OPTIONS", "rpc/nothing")

    assert (head.status, head.range, head.text) == (200, "0-2/*", "")
    assert stable.headers["Allow"] == "OPTIONS,GET,HEAD,POST"
    assert volatile.headers["Allow"] == "OPTIONS,POST"
    assert (unknown.status, unknown.code) == (404, "PGRST202")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_other_methods_do_not_call(rest, method):
    reply = await rest(method, "rpc/add", {})

    assert (reply.status, reply.code) == (405, "PGRST101")


async def test_a_get_may_not_write(rest, owner):
    reply = await rest.get("rpc/finish?named=one")

    assert (reply.status, reply.code) == (405, "25006")
    assert not await owner.fetchval("select done from tasks where title = 'one'")


@pytest.mark.parametrize(
    ("name", "body", "hint"),
    [
        ("zzzzzz", {}, None),
        ("ad", {"a": 1}, "Perhaps you meant to call the function public.add"),
        ("add", {}, "Perhaps you meant to call the function public.add(a, b)"),
        ("add", {"a": 1, "c": 1}, "Perhaps you meant to call the function public.add(a, b)"),
        ("add; select 1", {"a": 1}, None),
    ],
)
async def test_unknown_functions_and_arguments(rest, name, body, hint):
    reply = await rest.post(f"rpc/{name}", body)

    assert (reply.status, reply.code) == (404, "PGRST202")
    assert reply.rows["hint"] == hint


async def test_overloads_by_their_arguments(rest):
    one = await rest.post("rpc/overloaded", {"a": 1})
    two = await rest.post("rpc/overloaded", {"a": 1, "b": 2})
    doubtful = await rest.post("rpc/doubtful", {"a": 1})

    assert (one.rows, two.rows) == ("int", "two")
    assert (doubtful.status, doubtful.code) == (300, "PGRST203")


async def test_functions_without_a_grant(rest):
    user = await rest.post("rpc/hidden")
    anon = await rest.as_role("anon").post("rpc/hidden")

    assert (user.status, user.code) == (403, "42501")
    assert (anon.status, anon.code) == (401, "42501")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("PT402", 402),
        ("PT999", 500),
        ("PTXYZ", 500),
        ("P0001", 400),
        ("42501", 403),
        ("23505", 409),
        ("55006", 500),
        ("XX000", 500),
        ("42P01", 404),
        ("12345", 400),
    ],
)
async def test_raised_states_choose_the_status(rest, state, status):
    reply = await rest.post("rpc/boom", {"state": state, "said": "why\nso", "more": "d"})

    assert (reply.status, reply.code) == (status, state)
    assert reply.rows == {"code": state, "message": "why\nso", "details": "d", "hint": "a hint"}


async def test_a_function_can_say_the_whole_refusal(rest):
    said = '{"code":"MINE","message":"m","details":{"a":1},"hint":null}'
    shape = '{"status":418,"headers":{"X-Tea":"pot","Bad\\nName":"x","X-Bad":"a\\r\\nb"}}'

    reply = await rest.post("rpc/boom", {"state": "PGRST", "said": said, "more": shape})

    assert (reply.status, reply.code) == (418, "MINE")
    assert reply.rows["details"] == {"a": 1}
    assert reply.headers["X-Tea"] == "pot"
    assert "X-Bad" not in reply.headers


@pytest.mark.parametrize(("said", "more"), [("no", "{}"), ('{"code":"a","message":"b"}', "[]")])
async def test_a_refusal_that_cannot_be_read(rest, said, more):
    reply = await rest.post("rpc/boom", {"state": "PGRST", "said": said, "more": more})

    assert (reply.status, reply.code) == (500, "PGRST121")


async def test_too_many_affected_rows_roll_back(rest, owner):
    strict = "handling=strict,max-affected=2"

    too_many = await rest.post("rpc/finish_all", prefer=strict)
    no_set = await rest.post("rpc/add", {"a": 1}, prefer=strict)

    assert (too_many.status, too_many.code) == (400, "PGRST124")
    assert (no_set.status, no_set.code) == (400, "PGRST128")
    assert await owner.fetchval("select count(*) from tasks where done") == 1


async def test_what_a_result_has_not_cannot_be_selected(rest):
    columns = await rest.get("rpc/pairs?upto=1&select=nope")
    scalar = await rest.get("rpc/add?a=1&select=nope")
    embed = await rest.get("rpc/pairs?upto=1&select=tasks(title)")

    assert (columns.code, scalar.code, embed.code) == ("42703", "42703", "PGRST200")
