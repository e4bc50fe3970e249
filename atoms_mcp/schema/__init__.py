"""The database's rules as ordered migrations, and the way to hand them to a Supabase project.

The SQL files beside this one are the only place that says who may see or change what. They run
unchanged on hosted Supabase and on the embedded PostgreSQL (15 or newer, no extensions).
"""

import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from atoms_mcp.errors import ConfigError

FILE_NAME = re.compile(r"(\d{14})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. `version` is 14 digits, as the Supabase CLI records and orders them."""

    version: str
    name: str
    sql: str = field(repr=False)

    @property
    def file_name(self) -> str:
        """What the Supabase CLI calls the file."""
        return f"{self.version}_{self.name}.sql"


def migrations() -> tuple[Migration, ...]:
    """Read all migrations of this release, in the order in which they have to run."""
    found = []
    for entry in resources.files(__name__).iterdir():
        match = FILE_NAME.fullmatch(entry.name)
        if match:
            found.append(Migration(match[1], match[2], entry.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.version))


def write_to(folder: Path) -> tuple[Path, ...]:
    """Write the migrations into a project's `supabase/migrations`, and give the new files.

    A file that is there with the same text stays as it is. Nothing is written when one of
    them is there with another text, or another migration has its version.

    Raises:
        ConfigError: lists every file that is in the way.
    """
    steps = migrations()
    faults = []
    missing = []
    for step in steps:
        path = folder / step.file_name
        others = [o for o in sorted(folder.glob(f"{step.version}_*.sql")) if o != path]
        faults += [f"{other}: has the version of {step.file_name}; rename it" for other in others]
        if not path.exists():
            missing.append((path, step.sql))
        elif path.read_text(encoding="utf-8") != step.sql:
            faults.append(f"{path}: differs from this release's; move it away or keep it")
    if faults:
        raise ConfigError(faults)
    folder.mkdir(parents=True, exist_ok=True)
    for path, sql in missing:
        path.write_text(sql, encoding="utf-8")
    return tuple(path for path, _ in missing)
