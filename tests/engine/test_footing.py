from dataclasses import fields

from atoms_mcp.engine.footing import Footing


def test_an_engine_stands_on_nothing_of_any_one_request():
    names = {field.name for field in fields(Footing)}

    assert {"rest", "verifier", "sessions", "seal", "store"} <= names
    assert not names & {"caller", "session", "frame", "token"}
