from atoms_mcp.errors import ConfigError
from atoms_mcp.local.errors import StackError


def test_a_stack_that_cannot_start_ends_the_command_like_wrong_settings():
    error = StackError("no room left; make some")

    assert isinstance(error, ConfigError)
    assert error.faults == ("no room left; make some",)
    assert str(error) == "no room left; make some"
