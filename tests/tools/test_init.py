def test_there_are_two_tools_in_a_fixed_order(tools):
    assert list(tools) == ["entity_tool", "workspace_tool"]
