"""What changed, for those who want to hear of it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Change:
    """Something is not as it was: one of the lists, or (with its `uri`) one resource."""

    of: Literal["tools", "prompts", "resources", "resource"]
    uri: str = ""
