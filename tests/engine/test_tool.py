from atoms_mcp.engine.tool import as_given


def test_arguments_stay_as_given_unless_a_tool_says_otherwise():
    given = {"a": 1}

    assert as_given(given) is given
