import pytest

from atoms_mcp.entities.catalogue import OPERATIONS, load_catalogue, parse_catalogue
from atoms_mcp.errors import ConfigError

SMALL = """
[thing]
plural = "things"
about = "a thing"
read_from = "things"
write_to = "things"
handle = "id"
handle_help = "UUID"
operations = ["list", "read"]
parents = []
[thing.instead]
search = "x"
history = "x"
create = "x"
update = "x"
delete = "x"
restore = "x"
[thing.fields]
id = { kind = "id" }
name = { kind = "text" }
[thing.filters]
[thing.sorts]
default = "name"
name = "name"
"""


def test_the_built_in_catalogue_holds_together(catalogue):
    assert list(catalogue.types) == [
        "organization",
        "project",
        "document",
        "requirement",
        "block",
        "member",
        "profile",
    ]


def test_every_type_offers_an_operation_or_says_what_to_do_instead(catalogue):
    for entity in catalogue.types.values():
        assert {*entity.operations, *entity.instead} == set(OPERATIONS)


def test_a_row_of_a_list_is_short(catalogue):
    for entity in catalogue.types.values():
        brief = [field for field in entity.fields.values() if field.is_brief]
        assert 1 <= len(brief) <= 9
        assert entity.fields[entity.handle].is_brief


def test_what_owns_rights_or_identity_is_never_writable(catalogue):
    guarded = {"id", "key", "version", "created_by", "updated_by", "deleted_at", "role", "email"}
    for entity in catalogue.types.values():
        writable = {field.name for field in entity.writable("update")}
        assert not writable & guarded
        columns = {field.column for field in entity.fields.values() if field.write}
        assert not columns & {"id", "organization_id", "project_id", "user_id", "deleted_at"}


def test_fields_say_what_they_mean(catalogue):
    for entity in catalogue.types.values():
        for field in entity.fields.values():
            assert field.help, f"{entity.name}.{field.name}"


def test_a_field_is_found_by_its_column(requirement):
    assert requirement.by_column("name").name == "title"
    assert requirement.by_column("nothing") is None
    assert requirement.aliases() == {"name": "title"}


def test_rows_of_one_place_only_need_a_parent(catalogue):
    assert [entity.name for entity in catalogue.types.values() if entity.is_placed] == [
        "document",
        "requirement",
        "block",
        "member",
    ]


def test_a_small_catalogue_is_read():
    assert list(parse_catalogue(SMALL).types) == ["thing"]


def test_what_is_only_read_needs_no_table_to_write():
    assert parse_catalogue(SMALL.replace('write_to = "things"', ""))["thing"].write_to == ""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('kind = "text"', 'kind = "blob"', "unknown kind"),
        ('kind = "text"', 'kind = "choice"', "needs values"),
        ('kind = "text"', 'kind = "item", refers = "other"', "must name a type"),
        ("[thing.filters]", '[thing.filters]\nname = { match = "near" }', "unknown match"),
        ("[thing.filters]", '[thing.filters]\nx = { match = "any" }', "no field has the column x"),
        ('name = "name"', 'name = "nom"', "no field has the column nom"),
        ('default = "name"', 'default = "-size"', "-size is not one of them"),
        ("parents = []", 'parents = ["planet"]', "cannot hold"),
        ("parents = []", 'parents = []\nlives_in = "project"', "is not one of parents"),
        ('["list", "read"]', '["list"]', "read must be offered"),
        ('["list", "read"]', '["list", "read", "search"]', "search must be offered"),
        ('handle = "id"', 'handle = "key"', "handle key is not a field"),
        (
            "[thing.sorts]",
            '[thing.includes]\nbits = { type = "bit", by = "thing_id" }\n[thing.sorts]',
            "bit is not a type",
        ),
    ],
)
def test_a_catalogue_that_contradicts_itself_is_refused(old, new, fault):
    text = SMALL.replace(old, new, 1)
    with pytest.raises(ConfigError, match=fault):
        parse_catalogue(text)


def test_changes_need_a_table():
    text = SMALL.replace('["list", "read"]', '["list", "read", "update"]').replace(
        'update = "x"\n', ""
    )
    with pytest.raises(ConfigError, match="changes need write_to"):
        parse_catalogue(text.replace('write_to = "things"', ""))


def test_loading_is_repeatable():
    assert load_catalogue().types.keys() == load_catalogue().types.keys()


def test_a_writable_field_is_found_in_every_type_that_has_it(catalogue):
    takers = [entity.name for entity, _ in catalogue.fields_named("status")]

    assert takers == ["project", "document", "requirement"]
