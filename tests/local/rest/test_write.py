"""Writing over REST, on a real PostgreSQL."""

import pytest
from rest_world import BOB

ONE = "00000000-0000-4000-8000-000000000001"
ALL = "return=representation"
OBJECT = "application/vnd.pgrst.object+json"


class TestInsert:
    async def test_minimal_is_the_default(self, rest, owner):
        reply = await rest.post("tasks", {"title": "new"})

        assert (reply.status, reply.text, reply.range) == (201, "", "*/*")
        assert "Content-Type" not in reply.headers or not reply.text
        assert await owner.fetchval("select count(*) from tasks where title = 'new'") == 1

    async def test_representation_is_shaped_by_select(self, rest):
        reply = await rest.post(
            "tasks?select=t:title,points,orgs(name)", {"title": "new", "org_id": 1}, prefer=ALL
        )

        assert reply.status == 201
        assert reply.rows == [{"t": "new", "points": 3, "orgs": {"name": "Acme"}}]
        assert reply.headers["Preference-Applied"] == ALL

    async def test_headers_only_says_where_the_row_is(self, rest):
        reply = await rest.post("orgs", {"name": "New"}, prefer="return=headers-only")

        assert (reply.status, reply.text) == (201, "")
        assert reply.headers["Location"] == "/orgs?id=eq.4"

    async def test_many_rows_at_once(self, rest):
        reply = await rest.post(
            "tasks?select=title,points",
            [{"title": "n1", "points": 7}, {"points": None, "title": "n2"}],
            prefer=f"{ALL},count=exact",
        )

        assert reply.rows == [{"title": "n1", "points": 7}, {"title": "n2", "points": None}]
        assert reply.range == "*/2"

    @pytest.mark.parametrize(
        "body",
        [
            [{"title": "a"}, {"title": "b", "points": 1}],
            [{"title": "a", "points": 1}, {"title": "b"}],
            [{}, {"title": "b"}],
            [{"title": "a"}, 5],
            [5],
        ],
    )
    async def test_rows_with_different_keys_are_refused(self, rest, body):
        reply = await rest.post("tasks", body)

        assert (reply.status, reply.code) == (400, "PGRST102")
        assert reply.rows["message"] == "All object keys must match"

    async def test_columns_choose_what_counts(self, rest):
        reply = await rest.post(
            'tasks?columns=title,"points"&select=title,points,done',
            [{"title": "a", "done": True}, {"title": "b", "points": 1, "nonsense": 1}],
            prefer=ALL,
        )

        assert reply.rows == [
            {"title": "a", "points": None, "done": False},
            {"title": "b", "points": 1, "done": False},
        ]

    async def test_missing_values_become_defaults_on_request(self, rest):
        reply = await rest.post(
            "tasks?columns=id,title,points,done,tags&select=title,points,done,tags",
            [{"title": "a"}, {"title": "b", "points": None, "tags": ["x"]}],
            prefer=f"{ALL},missing=default",
        )

        assert reply.rows == [
            {"title": "a", "points": 3, "done": False, "tags": []},
            {"title": "b", "points": None, "done": False, "tags": ["x"]},
        ]
        assert "missing=default" in reply.headers["Preference-Applied"]

    async def test_identity_columns_count_on_when_missing(self, rest):
        reply = await rest.post(
            "orgs?columns=id,name", {"name": "N"}, prefer=f"{ALL},missing=default"
        )

        assert reply.rows == [{"id": 4, "name": "N", "note": None}]

    @pytest.mark.parametrize(
        ("body", "rows"), [([], []), ("[]", []), ("5", []), ('"x"', [])], ids=repr
    )
    async def test_nothing_to_insert_inserts_nothing(self, rest, body, rows):
        reply = await rest.post("tasks", body, prefer=ALL)

        assert (reply.status, reply.rows) == (201, rows)

    async def test_empty_objects_are_rows_of_defaults(self, rest):
        one = await rest.post("defaults", {}, prefer=ALL)
        more = await rest.post("defaults", [{}, {}], prefer=ALL)
        filled = await rest.post("defaults?columns=word", {}, prefer=f"{ALL},missing=default")

        assert one.rows == [{"id": 1, "word": "w"}]
        assert more.column("id") == [2, 3]
        assert filled.column("word") == ["w"]

    @pytest.mark.parametrize("body", ["", "{", "nonsense", '{"title": NaN}', b'{"title":"\xff"}'])
    async def test_what_is_no_json_is_refused(self, rest, body):
        reply = await rest.post("tasks", body)

        assert (reply.status, reply.code) == (400, "PGRST102")
        assert reply.rows["message"] == "Empty or invalid json"

    @pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded"])
    async def test_other_kinds_of_body_are_refused(self, rest, kind):
        reply = await rest.post("tasks", "title\nx", Content_Type=kind)

        assert (reply.status, reply.code) == (400, "PGRST102")

    async def test_a_body_without_a_type_is_json(self, rest):
        reply = await rest.post("tasks", '{"title": "x"}', Content_Type="application/json;a=b")

        assert reply.status == 201

    @pytest.mark.parametrize(
        "value",
        ["it's", 'q"q', "a,b", "back\\slash", "new\nline", "'; drop table tasks; --", "✓𝄞", "$1"],
    )
    async def test_values_are_kept_as_they_are(self, rest, value):
        reply = await rest.post(
            "tasks?select=title,tags,data",
            {"title": value, "tags": [value], "data": {value: [value]}},
            prefer=ALL,
        )

        assert reply.rows == [{"title": value, "tags": [value], "data": {value: [value]}}]

    async def test_big_numbers_stay_whole(self, rest):
        reply = await rest.post(
            "tasks?select=big,score",
            '{"title": "x", "big": 9007199254740993, "score": 0.1000000000000000000001}',
            prefer=ALL,
        )

        assert '"big":9007199254740993' in reply.text
        assert '"score":0.1000000000000000000001' in reply.text

    async def test_a_nul_in_a_text_is_refused(self, rest):
        reply = await rest.post("tasks", '{"title": "a\\u0000b"}')

        assert (reply.status, reply.code) == (400, "22P05")

    @pytest.mark.parametrize(
        ("row", "status", "code"),
        [
            ({"title": None}, 400, "23502"),
            ({"title": "forbidden"}, 400, "23514"),
            ({"title": "one"}, 409, "23505"),
            ({"title": "x", "org_id": 99}, 409, "23503"),
            ({"title": "x", "points": "many"}, 400, "22P02"),
            ({"title": "x", "code": "too long"}, 400, "22001"),
            ({"title": "x", "owner": BOB}, 403, "42501"),
            ({"title": "x", "search": "y"}, 400, "428C9"),
            ({"title": "x", "nonsense": 1}, 400, "PGRST204"),
            ({"title; drop table tasks": 1}, 400, "PGRST204"),
        ],
    )
    async def test_what_the_database_refuses(self, rest, owner, row, status, code):
        before = await owner.fetchval("select count(*) from tasks")

        reply = await rest.post("tasks", row)

        assert (reply.status, reply.code) == (status, code), reply.text
        assert await owner.fetchval("select count(*) from tasks") == before

    async def test_rights_of_anon_are_a_401(self, rest):
        anon = rest.as_role("anon")

        no_policy = await anon.post("orgs", {"name": "x"})
        no_grant = await anon.post("tasks", {"title": "x"})

        for reply in (no_policy, no_grant):
            assert (reply.status, reply.code) == (401, "42501")
            assert reply.headers["WWW-Authenticate"] == "Bearer"

    async def test_minimal_needs_no_right_to_read(self, rest):
        row = {"id": 2, "shown": "a", "hidden": "b"}

        written = await rest.post("read_only_columns", row)
        shown = await rest.post("read_only_columns?select=shown", {**row, "id": 3}, prefer=ALL)
        located = await rest.post(
            "read_only_columns", {**row, "id": 4}, prefer="return=headers-only"
        )
        all_of_it = await rest.post("read_only_columns", {**row, "id": 5}, prefer=ALL)

        assert (written.status, shown.status, located.status) == (201, 201, 201)
        assert shown.rows == [{"shown": "a"}]
        assert (all_of_it.status, all_of_it.code) == (403, "42501")

    async def test_one_object_back(self, rest):
        reply = await rest.post("tasks?select=title", {"title": "x"}, prefer=ALL, Accept=OBJECT)

        assert (reply.status, reply.rows) == (201, {"title": "x"})

    async def test_two_rows_are_no_object_and_are_rolled_back(self, rest, owner):
        reply = await rest.post(
            "tasks", [{"title": "x1"}, {"title": "x2"}], prefer=ALL, Accept=OBJECT
        )

        assert (reply.status, reply.code) == (406, "PGRST116")
        assert await owner.fetchval("select count(*) from tasks where title like 'x_'") == 0

    async def test_views_and_odd_tables_are_written_too(self, rest):
        odd = await rest.post(
            'odd%20%22table?select="my.col"&columns="my.col","a,b"',
            {"my.col": 9, "a,b": "z"},
            prefer=ALL,
        )
        located = await rest.post("odd%20%22table", {"my.col": 10}, prefer="return=headers-only")

        assert odd.rows == [{"my.col": 9}]
        assert located.headers["Location"] == "/odd%20%22table?my.col=eq.10"


class TestUpsert:
    async def test_merging_by_the_primary_key(self, rest):
        reply = await rest.post(
            "orgs?select=id,name,note&order=id",
            [{"id": 1, "name": "Acme", "note": "n"}, {"id": 50, "name": "New", "note": None}],
            prefer=f"{ALL},resolution=merge-duplicates",
        )

        assert reply.status == 201
        assert reply.rows == [
            {"id": 1, "name": "Acme", "note": "n"},
            {"id": 50, "name": "New", "note": None},
        ]
        assert "resolution=merge-duplicates" in reply.headers["Preference-Applied"]

    async def test_only_merging_is_a_200(self, rest):
        reply = await rest.post(
            "orgs", {"id": 1, "name": "Acme", "note": "n"}, prefer="resolution=merge-duplicates"
        )

        assert reply.status == 200

    async def test_ignoring_leaves_what_is_there(self, rest):
        reply = await rest.post(
            "orgs?select=name,note",
            [{"id": 1, "name": "Other", "note": "n"}, {"id": 50, "name": "New", "note": None}],
            prefer=f"{ALL},resolution=ignore-duplicates",
        )

        assert (reply.status, reply.rows) == (201, [{"name": "New", "note": None}])

    async def test_by_other_columns(self, rest):
        reply = await rest.post(
            "orgs?on_conflict=name&select=id,note",
            {"name": "Acme", "note": "merged"},
            prefer=f"{ALL},resolution=merge-duplicates",
        )

        assert (reply.status, reply.rows) == (200, [{"id": 1, "note": "merged"}])

    @pytest.mark.parametrize(
        ("column", "code"), [("note", "42P10"), ("nope", "42703"), ('"a) do"', "42703")]
    )
    async def test_by_columns_that_cannot_conflict(self, rest, column, code):
        reply = await rest.post(
            f"orgs?on_conflict={column}", {"name": "x"}, prefer="resolution=merge-duplicates"
        )

        assert (reply.status, reply.code) == (400, code)

    async def test_without_a_resolution_a_duplicate_is_an_error(self, rest):
        reply = await rest.post("orgs?on_conflict=name", {"name": "Acme"})

        assert (reply.status, reply.code) == (409, "23505")

    async def test_rows_of_others_are_not_merged(self, rest):
        bobs = "00000000-0000-4000-8000-000000000009"

        reply = await rest.post(
            "tasks", {"id": bobs, "title": "mine"}, prefer="resolution=merge-duplicates"
        )

        assert (reply.status, reply.code) == (403, "42501")


class TestPut:
    async def test_a_row_is_made_and_then_replaced(self, rest):
        row = {"id": 70, "name": "Put", "note": "a"}
        quiet = await rest("PUT", "orgs?id=eq.70", row)
        again = await rest("PUT", "orgs?id=eq.70", {**row, "note": "b"}, prefer=ALL)
        other = await rest("PUT", "orgs?id=eq.71", {**row, "id": 71, "name": "P"}, prefer=ALL)

        assert quiet.status == 204
        assert (again.status, again.rows[0]["note"]) == (200, "b")
        assert other.status == 201

    @pytest.mark.parametrize(
        "query",
        ["", "?name=eq.x", "?id=gt.1", "?id=eq.1&name=eq.x", "?or=(id.eq.1)", "?id=not.eq.1"],
    )
    async def test_the_url_names_exactly_the_key(self, rest, query):
        reply = await rest("PUT", f"orgs{query}", {"id": 1, "name": "x"})

        assert (reply.status, reply.code) == (405, "PGRST105")

    @pytest.mark.parametrize("body", [{"id": 2, "name": "x"}, {"name": "x"}, []])
    async def test_the_body_is_that_row(self, rest, owner, body):
        reply = await rest("PUT", "orgs?id=eq.1", body)

        assert (reply.status, reply.code) == (400, "PGRST115")
        assert await owner.fetchval("select count(*) from orgs where name = 'x'") == 0

    async def test_pages_make_no_sense(self, rest):
        reply = await rest("PUT", "orgs?id=eq.1&limit=1", {"id": 1, "name": "x"})

        assert (reply.status, reply.code) == (400, "PGRST114")


class TestUpdate:
    async def test_minimal(self, rest, owner):
        reply = await rest.patch("tasks?title=eq.one", {"points": 50})

        assert (reply.status, reply.text, reply.range) == (204, "", "0-0/*")
        assert await owner.fetchval("select points from tasks where title = 'one'") == 50

    async def test_representation(self, rest):
        reply = await rest.patch(
            "tasks?points=gte.1&select=title,done,orgs(name)&order=title&limit=1",
            {"done": True},
            prefer=f"{ALL},count=exact",
        )

        assert (reply.status, reply.range) == (200, "0-2/3")
        assert {row["title"] for row in reply.rows} == {"one", "two words", "four"}
        assert all(row["done"] for row in reply.rows)

    @pytest.mark.parametrize(
        "query",
        ["title=eq.none", "title=eq.bobs", "points=in.()"],
    )
    async def test_nothing_found_is_no_error(self, rest, query):
        quiet = await rest.patch(f"tasks?{query}", {"done": True})
        told = await rest.patch(f"tasks?{query}", {"done": True}, prefer=ALL)

        assert (quiet.status, quiet.range) == (204, "*/*")
        assert (told.status, told.rows) == (200, [])

    async def test_trees_choose_rows(self, rest):
        reply = await rest.patch(
            "tasks?or=(title.eq.one,points.eq.4)&select=title&title=neq.four",
            {"points": 9},
            prefer=ALL,
        )

        assert reply.column("title") == ["one"]

    async def test_searches_choose_rows(self, rest):
        reply = await rest.patch(
            "tasks?search=fts(english).words&select=title", {"points": 9}, prefer=ALL
        )

        assert reply.column("title") == ["two words"]

    async def test_without_filters_it_takes_all_that_the_user_sees(self, rest, owner):
        reply = await rest.patch("tasks", {"points": 1}, prefer="count=exact")

        assert (reply.status, reply.range) == (204, "0-3/4")
        assert await owner.fetchval("select points from tasks where title = 'bobs'") == 9

    @pytest.mark.parametrize("body", [{}, [], "5"])
    async def test_nothing_to_set_touches_nothing(self, rest, body):
        quiet = await rest.patch("tasks", body)
        told = await rest.patch("tasks", body, prefer=ALL)

        assert quiet.status == 204
        assert (told.status, told.rows) == (200, [])

    async def test_only_listed_columns_are_set(self, rest):
        reply = await rest.patch(
            "tasks?title=eq.one&columns=points&select=points,done",
            {"points": 8, "done": True},
            prefer=ALL,
        )

        assert reply.rows == [{"points": 8, "done": False}]

    async def test_handing_a_row_away_is_refused(self, rest):
        reply = await rest.patch("tasks?title=eq.one", {"owner": BOB})

        assert (reply.status, reply.code) == (403, "42501")

    async def test_one_object_or_nothing_changes(self, rest, owner):
        one = await rest.patch("tasks?title=eq.one", {"points": 5}, prefer=ALL, Accept=OBJECT)
        two = await rest.patch("tasks?points=gt.1", {"points": 77}, prefer=ALL, Accept=OBJECT)
        none = await rest.patch("tasks?title=eq.no", {"points": 77}, prefer=ALL, Accept=OBJECT)

        assert one.rows["points"] == 5
        assert (two.status, none.status) == (406, 406)
        assert await owner.fetchval("select count(*) from tasks where points = 77") == 0

    async def test_too_many_rows_are_refused_in_strict_handling_only(self, rest, owner):
        strict = await rest.patch("tasks", {"points": 77}, prefer="handling=strict,max-affected=2")
        enough = await rest.patch("tasks", {"points": 78}, prefer="handling=strict,max-affected=4")
        lenient = await rest.patch("tasks", {"points": 79}, prefer="max-affected=2")

        assert (strict.status, strict.code) == (400, "PGRST124")
        assert strict.rows["details"] == "The query affects 4 rows"
        assert enough.headers["Preference-Applied"] == "handling=strict, max-affected=4"
        assert lenient.status == 204
        assert await owner.fetchval("select count(*) from tasks where points = 77") == 0

    async def test_secret_columns_cannot_be_searched_by_updates(self, rest):
        reply = await rest.patch("read_only_columns?hidden=eq.unseen", {"shown": "x"})

        assert (reply.status, reply.code) == (403, "42501")


class TestDelete:
    async def test_minimal_and_representation(self, rest):
        quiet = await rest.delete("tasks?title=eq.four", prefer="count=exact")
        told = await rest.delete("tasks?title=eq.three&select=title,orgs(name)", prefer=ALL)

        assert (quiet.status, quiet.range) == (204, "*/1")
        assert (told.status, told.rows) == (
            200,
            [{"title": "three", "orgs": {"name": "Umbrella"}}],
        )

    async def test_what_is_not_seen_is_not_deleted(self, rest, owner):
        reply = await rest.delete("tasks?title=eq.bobs", prefer=ALL)

        assert (reply.status, reply.rows) == (200, [])
        assert await owner.fetchval("select count(*) from tasks where title = 'bobs'") == 1

    async def test_without_filters_all_that_the_user_sees(self, rest, owner):
        reply = await rest.delete("tasks")

        assert reply.status == 204
        assert await owner.fetchval("select array_agg(title) from tasks") == ["bobs"]

    async def test_too_many_rows(self, rest, owner):
        reply = await rest.delete("tasks", prefer="handling=strict,max-affected=1")

        assert (reply.status, reply.code) == (400, "PGRST124")
        assert await owner.fetchval("select count(*) from tasks") == 5

    async def test_what_others_point_at_stays(self, rest):
        reply = await rest.delete("tasks?title=eq.one")

        assert (reply.status, reply.code) == (409, "23503")


async def test_hostile_names_reach_no_sql(rest, owner):
    for name in ('"; drop table tasks; --', "tasks\0", "public.tasks", "pg_class", "auth.users"):
        for key in (f'"{name}"', name):
            reply = await rest.patch("tasks", {"points": 1}, params={key: "eq.1"})
            assert reply.status == 400, (key, reply.text)
            reply = await rest.get("tasks", params={"select": key, "order": key})
            assert reply.status == 400, (key, reply.text)
            reply = await rest.post("tasks", {"title": "x"}, params={"columns": key})
            assert reply.status == 400, (key, reply.text)
    assert await owner.fetchval("select count(*) from tasks") == 5
