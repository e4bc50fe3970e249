from atoms_mcp.engine.listening.change import Change


def test_a_changed_list_needs_no_uri():
    assert Change("tools") == Change("tools", "")
    assert Change("resource", "a://b") != Change("resource", "a://c")
