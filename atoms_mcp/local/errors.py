"""What can go wrong with the embedded stack as a whole; single requests have `auth.errors`."""

from atoms_mcp.errors import ConfigError


class StackError(ConfigError):
    """The embedded stack cannot start or go on; the text says what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__([message])
