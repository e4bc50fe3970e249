"""What changed, for those who want to hear of it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Change:
    """Something is not as it was: one of the lists, or (with its `uri`) one resource.

    Who cannot read that resource does not hear of it. With a `uri`, the same holds for a change
    of the list of resources; without one all hear of it. `seen_by` is the resource to be read
    instead, for one that is gone: its readers are told.
    """

    of: Literal["tools", "prompts", "resources", "resource"]
    uri: str = ""
    seen_by: str = ""

    @property
    def guard(self) -> str:
        """The resource that one must be able to read; empty where everybody may know."""
        return self.seen_by or self.uri
