"""Where a call works: the organization, project, document or requirement that was meant."""

from dataclasses import dataclass

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.postgrest import Condition, equal

EVERYTHING = "*"
DEFAULT = "auto"


@dataclass(frozen=True, slots=True)
class Scope:
    """A place, by the ids that are known of it, and how an answer names it.

    `level` says which of them was meant; the ids above it are there where they came along.
    `is_default` tells that it came from the user's context and not from the call.
    """

    level: str | None = None
    label: str | None = None
    organization_id: str | None = None
    project_id: str | None = None
    document_id: str | None = None
    requirement_id: str | None = None
    is_default: bool = False

    @property
    def id(self) -> str | None:
        """Give the id of the place itself."""
        ids = {
            "organization": self.organization_id,
            "project": self.project_id,
            "document": self.document_id,
            "requirement": self.requirement_id,
        }
        return ids[self.level] if self.level else None

    def conditions(self, entity: EntityType) -> list[Condition]:
        """Give what a row of `entity` must meet to be in this place.

        The project is always among them where it is known: the indexes begin with it.
        """
        if entity.name == "member":
            return self._member_conditions()
        if entity.name == "project":
            named = {"organization_id": self.organization_id}
        else:
            named = {"project_id": self.project_id, "document_id": self.document_id}
            if self.level == "requirement":
                # Children may stand in other documents of the project.
                named = {"project_id": self.project_id, "parent_id": self.requirement_id}
            if entity.name == "document":
                named.pop("document_id", None)
        return [equal(column, value) for column, value in named.items() if value]

    def _member_conditions(self) -> list[Condition]:
        if self.level == "organization":
            return [equal("scope", "organization"), equal("organization_id", self.organization_id)]
        return [equal("scope", "project"), equal("project_id", self.project_id)]
