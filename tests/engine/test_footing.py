from dataclasses import fields

from atoms_mcp.engine.footing import Footing


def test_an_engine_stands_on_nothing_of_any_one_request():
    assert {field.name for field in fields(Footing)} == {
        "rest",
        "verifier",
        "sessions",
        "seal",
        "store",
    }
