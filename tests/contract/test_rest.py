"""REST as clients of Supabase know it, judged by the official Python client.

Runs unchanged on a real project with this package's schema; each test works in a project
that it makes for itself, as an account without rights elsewhere.
"""

import asyncio
import uuid
from dataclasses import dataclass

import httpx
import pytest
from postgrest import APIError, CountMethod, ReturnMethod

HOSTILE = (
    "plain",
    "it's",
    'say "hi"',
    "a,b",
    "(paren)",
    "back\\slash",
    'all "of, it\\(now)\\"',
    "100%",
    "under_score",
    "star*",
    "new\nline",
    "ünïcødé ✓ 𝄞",
    "null",
    "eq.null",
    "not.is.null",
    "{a,b}",
    "a.b:c",
    "'; drop table requirements; --",
    "$1 +plus&amp=1#frag",
)


@dataclass(frozen=True)
class Bench:
    """A client, and a project of its own with one document."""

    client: object
    project: dict
    document: dict

    @property
    def requirements(self):
        return self.client.table("requirements")

    def row(self, name, **more):
        return {
            "project_id": self.project["id"],
            "document_id": self.document["id"],
            "name": name,
            **more,
        }

    async def add(self, *names, **more):
        rows = [self.row(name, **more) for name in names]
        return (await self.requirements.insert(rows).execute()).data

    def select(self, *columns, **more):
        return self.requirements.select(*columns, **more).eq("project_id", self.project["id"])


@pytest.fixture
async def bench(connect, account):
    client = await connect(account)
    mine = await client.table("organizations").select("id").eq("kind", "personal").execute()
    made = await client.rpc(
        "create_project",
        {"p_organization": mine.data[0]["id"], "p_name": f"Contract {uuid.uuid4().hex[:8]}"},
    ).execute()
    document = (
        await client.table("documents")
        .insert({"project_id": made.data["id"], "name": "Contract"})
        .execute()
    )
    return Bench(client, made.data, document.data[0])


def names(answer):
    return [row["name"] for row in answer.data]


async def refusal(request):
    with pytest.raises(APIError) as refused:
        await request.execute()
    return refused.value


async def test_rows_are_made_read_changed_and_hidden_again(bench):
    (made,) = await bench.add("Stopping distance", tags=["a", "b,c"], fields={"n": 1})
    assert made["version"] == 1
    assert made["key"].endswith("-REQ-1")

    read = await bench.select("name,tags,fields->n").eq("id", made["id"]).execute()
    assert read.data == [{"name": "Stopping distance", "tags": ["a", "b,c"], "n": 1}]

    changed = await bench.requirements.update({"status": "approved"}).eq("id", made["id"]).execute()
    assert (changed.data[0]["status"], changed.data[0]["version"]) == ("approved", 2)

    nothing = (
        await bench.requirements.update({"status": "draft"}).eq("id", str(uuid.uuid4())).execute()
    )
    assert nothing.data == []


async def test_a_row_is_deleted(bench):
    context = bench.client.table("user_context")
    await context.upsert({"project_id": bench.project["id"]}).execute()

    gone = await context.delete().eq("project_id", bench.project["id"]).execute()

    assert gone.data[0]["project_id"] == bench.project["id"]
    assert (await context.select("*").execute()).data == []


async def test_minimal_answers_are_empty(bench):
    answer = await bench.requirements.insert(
        bench.row("quiet"), returning=ReturnMethod.minimal
    ).execute()

    assert not answer.data
    assert names(await bench.select("name").execute()) == ["quiet"]


async def test_hostile_values_are_kept_and_found(bench):
    await bench.add(*HOSTILE)

    async def find(value):
        quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        listed, plain, tree, negated = await asyncio.gather(
            bench.select("name").in_("name", [value, "no such"]).execute(),
            bench.select("name").eq("name", value).execute(),
            bench.select("name").or_(f"name.eq.{quoted},and(name.eq.no,key.eq.no)").execute(),
            bench.select("name").neq("name", value).execute(),
        )
        assert names(plain) == names(tree) == [value]
        assert len(negated.data) == len(HOSTILE) - 1
        return names(listed)

    for value in HOSTILE:
        assert await find(value) == [value]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("a*", ["ab%c", "abc"]), ("%c", ["ab%c", "abc"]), ("ab\\%c", ["ab%c"]), ("A%", [])],
)
async def test_patterns(bench, pattern, found):
    await bench.add("abc", "ab%c", "xyz")

    answer = await bench.select("name").like("name", pattern).order("name").execute()

    assert sorted(names(answer)) == found


async def test_filters_of_every_kind(bench):
    await bench.add("one", tags=["a", "b"], priority="high", fields={"n": 1})
    await bench.add("two", tags=["b"], description="second of them", fields={"n": 2})
    await bench.add("three", tags=[], external_id="X-3")

    async def found(narrow):
        return set(names(await narrow(bench.select("name")).execute()))

    assert await found(lambda q: q.ilike("name", "T*")) == {"two", "three"}
    assert await found(lambda q: q.is_("description", "null")) == {"one", "three"}
    assert await found(lambda q: q.not_.is_("description", "null")) == {"two"}
    assert await found(lambda q: q.contains("tags", ["b"])) == {"one", "two"}
    assert await found(lambda q: q.contained_by("tags", ["b", "c"])) == {"two", "three"}
    assert await found(lambda q: q.ov("tags", ["a", "z"])) == {"one"}
    assert await found(lambda q: q.contains("fields", {"n": 2})) == {"two"}
    assert await found(lambda q: q.eq("fields->>n", "1")) == {"one"}
    assert await found(lambda q: q.gte("version", 1).lt("version", 2)) == {"one", "two", "three"}
    assert await found(lambda q: q.in_("name", [])) == set()
    assert await found(lambda q: q.not_.in_("name", ["one", "two"])) == {"three"}
    assert await found(lambda q: q.text_search("description", "second")) == {"two"}
    assert await found(lambda q: q.match({"name": "one", "priority": "high"})) == {"one"}
    assert await found(lambda q: q.or_("name.eq.one,external_id.eq.X-3")) == {"one", "three"}
    assert await found(
        lambda q: q.or_('and(name.eq.one,priority.eq.high),tags.cs."{b}",not.and(name.neq.three)')
    ) == {"one", "two", "three"}
    assert await found(lambda q: q.filter("name", "match", "^t.o$")) == {"two"}
    assert await found(lambda q: q.filter("name", "eq(any)", "{one,two}")) == {"one", "two"}


async def test_order_and_pages(bench):
    await bench.add("a", "b", "c", "d")
    await bench.add("e", external_id="1")

    down = await bench.select("name").order("name", desc=True).limit(2).execute()
    second = await bench.select("name").order("name").range(2, 3).execute()
    nulls = (
        await bench.select("name").order("external_id", nullsfirst=False).order("name").execute()
    )
    beyond = await bench.select("name").range(100, 110).execute()

    assert names(down) == ["e", "d"]
    assert names(second) == ["c", "d"]
    assert names(nulls) == ["e", "a", "b", "c", "d"]
    assert beyond.data == []


async def test_counts(bench):
    await bench.add("a", "b", "c")

    page = await bench.select("name", count=CountMethod.exact).order("name").limit(1).execute()
    head = await bench.select("name", count=CountMethod.exact, head=True).execute()
    planned = await bench.select("name", count=CountMethod.planned).execute()
    estimated = await bench.select("name", count=CountMethod.estimated).execute()
    written = (
        await bench.requirements.update({"status": "active"}, count=CountMethod.exact)
        .eq("project_id", bench.project["id"])
        .execute()
    )

    assert (names(page), page.count) == (["a"], 3)
    assert (head.data, head.count) == ([], 3)
    assert planned.count is not None
    assert estimated.count == 3
    assert written.count == 3


async def test_bulk_rows_with_different_keys_are_filled_up(bench):
    rows = [bench.row("a", priority="high"), bench.row("b", status="active", priority="low")]
    del rows[0]["priority"]

    filled = await bench.requirements.insert(rows, default_to_null=False).execute()
    nulled = await refusal(bench.requirements.insert([{**rows[1], "name": "c"}, rows[0]]))

    assert [(row["status"], row["priority"]) for row in filled.data] == [
        ("draft", "medium"),
        ("active", "low"),
    ]
    assert nulled.code == "23502"


async def test_upserts(bench):
    context = bench.client.table("user_context")

    first = await context.upsert({"project_id": bench.project["id"]}).execute()
    mine = first.data[0]["user_id"]
    merged = await context.upsert(
        {"user_id": mine, "document_id": bench.document["id"]}, on_conflict="user_id"
    ).execute()
    ignored = await context.upsert(
        {"user_id": mine, "document_id": None}, ignore_duplicates=True
    ).execute()
    kept = await context.select("user_id,document_id").execute()

    assert merged.data[0]["document_id"] == bench.document["id"]
    assert ignored.data == []
    assert kept.data == [{"user_id": mine, "document_id": bench.document["id"]}]


async def test_one_row_or_none(bench):
    await bench.add("a", "b")

    one = await bench.select("name").eq("name", "a").single().execute()
    maybe = await bench.select("name").eq("name", "a").maybe_single().execute()
    none = await bench.select("name").eq("name", "x").maybe_single().execute()
    too_few = await refusal(bench.select("name").eq("name", "x").single())
    too_many = await refusal(bench.select("name").single())

    assert one.data == maybe.data == {"name": "a"}
    assert none is None
    assert too_few.code == too_many.code == "PGRST116"
    assert too_many.details == "The result contains 2 rows"


async def test_embedding(bench):
    await bench.add("a", "b")

    up = (
        await bench.select("name,doc:documents(name),projects!inner(key,organizations(kind))")
        .eq("projects.key", bench.project["key"])
        .order("name")
        .limit(1)
        .execute()
    )
    down = (
        await bench.client.table("documents")
        .select("name,requirements(name)")
        .eq("id", bench.document["id"])
        .order("name", desc=True, foreign_table="requirements")
        .limit(1, foreign_table="requirements")
        .execute()
    )
    none = await refusal(bench.select("name,user_context(*)"))

    assert up.data == [
        {
            "name": "a",
            "doc": {"name": "Contract"},
            "projects": {"key": bench.project["key"], "organizations": {"kind": "personal"}},
        }
    ]
    assert down.data == [{"name": "Contract", "requirements": [{"name": "b"}]}]
    assert none.code == "PGRST200"


async def test_functions(bench):
    await bench.add("Brake pressure", "Brake wear", "Seat colour")

    found = (
        await bench.client.rpc(
            "search_items", {"p_query": "brake", "p_project": bench.project["id"]}
        )
        .select("title")
        .order("title")
        .execute()
    )
    value = await bench.client.rpc(
        "explain_access",
        {"p_type": "requirement", "p_operation": "update", "p_project": bench.project["id"]},
    ).execute()
    unknown = await refusal(bench.client.rpc("no_such_function", {}))
    wrong = await refusal(bench.client.rpc("search_items", {"query": "x"}))

    assert [row["title"] for row in found.data] == ["Brake pressure", "Brake wear"]
    assert value.data["your_role"] == "owner"
    assert unknown.code == wrong.code == "PGRST202"


async def test_refusals_keep_their_codes(bench):
    await bench.add("a", external_id="X-1")

    async def code(request):
        return (await refusal(request)).code

    table = bench.client.table
    assert await code(table("no_such_table").select("*")) == "PGRST205"
    assert await code(bench.select("no_such_column")) == "42703"
    assert await code(bench.select("*").eq("id", "no uuid")) == "22P02"
    assert await code(bench.select("*").filter("name", "foo", "x")) == "PGRST100"
    assert await code(bench.requirements.insert(bench.row("b", nonsense=1))) == "PGRST204"
    assert await code(bench.requirements.insert(bench.row("b", external_id="X-1"))) == "23505"
    assert await code(bench.requirements.insert(bench.row("b", status="nonsense"))) == "23514"
    assert await code(bench.requirements.insert(bench.row("b", created_at="now"))) == "42501"


async def test_too_many_affected_rows_change_nothing(bench):
    await bench.add("a", "b")

    refused = await refusal(
        bench.requirements.update({"status": "active"})
        .eq("project_id", bench.project["id"])
        .max_affected(1)
    )
    after = await bench.select("status").execute()

    assert refused.code == "PGRST124"
    assert {row["status"] for row in after.data} == {"draft"}


async def test_without_a_login_nothing_is_to_be_had(connect, project, raw):
    anon = await connect()

    refused = await refusal(anon.table("requirements").select("*"))
    answer = raw.get(f"{project.rest_url}/requirements")

    assert refused.code == "42501"
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_broken_token_is_a_401(project, raw):
    answer = raw.get(
        f"{project.rest_url}/requirements", headers={"Authorization": "Bearer not.a.token"}
    )

    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert answer.json()["code"] in {"PGRST301", "PGRST303"}
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_what_a_stranger_has_is_not_there(bench, connect, project, raw, new_address):
    stranger = {"email": new_address(), "password": "plain-otter-42"}
    answer = raw.post(f"{project.auth_url}/signup", json=stranger)
    if "access_token" not in answer.json():
        return  # a project that wants addresses confirmed gives no second account here
    (row,) = await bench.add("mine")
    other = await connect()
    await other.auth.sign_in_with_password(stranger)

    seen = await other.table("requirements").select("*").eq("id", row["id"]).execute()
    changed = (
        await other.table("requirements").update({"name": "theirs"}).eq("id", row["id"]).execute()
    )
    written = await refusal(other.table("requirements").insert(bench.row("theirs")))

    assert seen.data == changed.data == []
    assert written.code in {"42501", "23503"}
    assert names(await bench.select("name").execute()) == ["mine"]
