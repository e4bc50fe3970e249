"""The errors that every floor may raise; each floor adds its own below these.

`AtomsError` is the root. `ConfigError` ends the process with code 2, `ToolError`
ends one tool call with a result that a model can act on.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class AtomsError(Exception):
    """Root of all errors that this package raises on purpose."""


class ConfigError(AtomsError):
    """The process cannot start as configured.

    Carries every fault found, so that one run shows all of them.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class ToolError(AtomsError):
    """A tool call failed in a way that its caller can mend.

    `code` is one of the catalogue (README, "Errors of the tools"), `message` one
    sentence that says what was wrong, `fix` one that says what to do next.
    `details` are further facts under names of their own (`field`, `allowed`,
    `current_version` ...). Texts are complete without the details, because some
    clients show a model nothing but the first text block.
    """

    def __init__(
        self, code: str, message: str, *, fix: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message} Fix: {fix}")
        self.code = code
        self.message = message
        self.fix = fix
        self.details = dict(details or {})
