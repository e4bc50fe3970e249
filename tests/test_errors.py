from atoms_mcp.errors import ConfigError, ToolError


def test_a_config_error_carries_every_fault():
    error = ConfigError(["one is wrong", "another is missing"])

    assert error.faults == ("one is wrong", "another is missing")
    assert str(error) == "one is wrong\nanother is missing"


def test_the_text_of_a_tool_error_is_complete_without_its_details():
    error = ToolError("conflict", "VEH-REQ-1 has changed.", fix="Read it again.")

    assert str(error) == "conflict: VEH-REQ-1 has changed. Fix: Read it again."
    assert error.details == {}


def test_the_details_of_a_tool_error_are_its_own():
    details = {"current_version": 4}
    error = ToolError("conflict", "It has changed.", fix="Read it again.", details=details)

    details["current_version"] = 5

    assert error.details == {"current_version": 4}
