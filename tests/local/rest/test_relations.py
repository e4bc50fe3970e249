"""Ways from relation to relation."""

import pytest

from atoms_mcp.local.rest.catalogue import Catalogue, ForeignKey, Relation
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.relations import build_relationships, find_relationship


def catalogue(*keys, views=None, primary=None):
    names = {name for key in keys for name in (key.source, key.target)}
    relations = {name: Relation(name, {}, (primary or {}).get(name, ())) for name in names}
    for view in views or {}:
        relations[view] = Relation(view, {}, is_view=True)
    return Catalogue(relations, build_relationships(keys, relations, views or {}), {})


TO_ORG = ForeignKey("tasks_org", "tasks", "orgs", (("org_id", "id"),))


def test_a_key_leads_both_ways():
    known = catalogue(TO_ORG)

    up = find_relationship(known, "tasks", "orgs", None)
    down = find_relationship(known, "orgs", "tasks", None)

    assert (up.cardinality, up.pairs) == ("many-to-one", (("org_id", "id"),))
    assert (down.cardinality, down.pairs) == ("one-to-many", (("id", "org_id"),))


def test_a_unique_key_is_one_to_one():
    known = catalogue(ForeignKey("k", "a", "b", (("b_id", "id"),), is_unique=True))

    assert find_relationship(known, "a", "b", None).is_to_one
    assert find_relationship(known, "b", "a", None).is_to_one


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("orgs", "tasks_org"),
        ("orgs", "org_id"),
        ("orgs", "id"),
        ("tasks_org", None),
        ("org_id", None),
    ],
)
def test_names_of_a_way(target, hint):
    assert find_relationship(catalogue(TO_ORG), "tasks", target, hint).target == "orgs"


@pytest.mark.parametrize(
    ("origin", "target", "hint", "said"),
    [
        ("tasks", "org", None, "Perhaps you meant 'orgs' instead of 'org'."),
        ("tasks", "zzz", None, None),
        ("tasks", "orgs", "nope", None),
        ("tasks", "tasks_org", "org_id", None),
        ("nowhere", "orgs", None, None),
    ],
)
def test_no_way(origin, target, hint, said):
    with pytest.raises(RestError) as refusal:
        find_relationship(catalogue(TO_ORG), origin, target, hint)

    assert (refusal.value.status, refusal.value.code) == (400, "PGRST200")
    assert refusal.value.hint == said


def test_two_keys_are_ambiguous_until_one_is_named():
    other = ForeignKey("tasks_buyer", "tasks", "orgs", (("buyer_id", "id"),))
    known = catalogue(TO_ORG, other)

    with pytest.raises(RestError) as refusal:
        find_relationship(known, "orgs", "tasks", None)

    assert (refusal.value.status, refusal.value.code) == (300, "PGRST201")
    assert refusal.value.details[0] == {
        "cardinality": "one-to-many",
        "embedding": "orgs with tasks",
        "relationship": "tasks_org using orgs(id) and tasks(org_id)",
    }
    assert "'tasks!tasks_buyer'" in refusal.value.hint
    assert find_relationship(known, "orgs", "tasks", "buyer_id").constraint == "tasks_buyer"


def test_keys_of_several_columns_are_named_by_themselves_only():
    pair = (("org_id", "org_id"), ("project_id", "id"))
    known = catalogue(ForeignKey("k", "tasks", "projects", pair))

    assert find_relationship(known, "tasks", "projects", "k").pairs == pair
    with pytest.raises(RestError):
        find_relationship(known, "tasks", "org_id", None)


def junction(primary):
    return catalogue(
        ForeignKey("m_org", "members", "orgs", (("org_id", "id"),)),
        ForeignKey("m_user", "members", "users", (("user_id", "id"),)),
        ForeignKey("u_org", "users", "orgs", (("main_id", "id"),)),
        primary={"members": primary},
    )


def test_a_junction_needs_both_keys_in_its_primary_key():
    through = find_relationship(junction(("org_id", "user_id")), "orgs", "users", "members").through
    direct = find_relationship(junction(("id",)), "orgs", "users", None)

    assert (through.near, through.far) == ((("id", "org_id"),), (("id", "user_id"),))
    assert direct.cardinality == "one-to-many"


def test_a_junction_beside_a_key_is_ambiguous():
    with pytest.raises(RestError) as refusal:
        find_relationship(junction(("org_id", "user_id")), "orgs", "users", None)

    kinds = {row["cardinality"]: row["relationship"] for row in refusal.value.details}
    assert kinds["many-to-many"] == "members using m_org(org_id) and m_user(user_id)"


def test_views_stand_in_for_their_tables():
    known = catalogue(
        TO_ORG,
        views={
            "task_view": {"tasks": {"org_id": "org", "id": "id"}},
            "org_view": {"orgs": {"id": "key"}},
            "blind": {"tasks": {"id": "id"}},
        },
    )

    assert find_relationship(known, "task_view", "orgs", None).pairs == (("org", "id"),)
    assert find_relationship(known, "task_view", "org_view", None).pairs == (("org", "key"),)
    assert find_relationship(known, "orgs", "task_view", None).pairs == (("id", "org"),)
    assert find_relationship(known, "tasks", "tasks_org", None).target == "orgs"
    with pytest.raises(RestError):
        find_relationship(known, "blind", "orgs", None)


def test_a_table_that_refers_to_itself():
    known = catalogue(ForeignKey("tree_parent", "tree", "tree", (("parent", "id"),)))

    assert find_relationship(known, "tree", "tree", None).cardinality == "one-to-many"
    assert find_relationship(known, "tree", "parent", None).cardinality == "many-to-one"
    assert find_relationship(known, "tree", "tree", "parent").cardinality == "one-to-many"
    assert find_relationship(known, "tree", "tree", "tree_parent").cardinality == "one-to-many"
    with pytest.raises(RestError):
        find_relationship(known, "tree", "nope", None)
