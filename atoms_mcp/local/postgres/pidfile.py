"""PostgreSQL's own lock file, `postmaster.pid`: who runs on a data folder, and where it listens.

Source: PostgreSQL, src/include/utils/pidfile.h (the meaning of each line).
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAME = "postmaster.pid"
PROC = Path("/proc")
PS = "/bin/ps"  # where there is no /proc (macOS)
PID, PORT, SOCKET_DIR, STATUS = 0, 3, 4, 7


@dataclass(frozen=True, slots=True)
class PidFile:
    """What the lock file says; `is_ready` once connections are accepted."""

    pid: int
    port: int
    socket_dir: Path
    is_ready: bool


def read_pid_file(data_dir: Path) -> PidFile | None:
    """Read the lock file of `data_dir`; None where there is none or it is half written."""
    try:
        lines = (data_dir / NAME).read_text(encoding="utf-8", errors="replace").splitlines()
        return PidFile(
            pid=int(lines[PID]),
            port=int(lines[PORT]),
            socket_dir=Path(lines[SOCKET_DIR]),
            is_ready=len(lines) > STATUS and lines[STATUS].strip() == "ready",
        )
    except (OSError, ValueError, IndexError):
        return None


def is_postmaster(pid: int, data_dir: Path) -> bool:
    """Tell whether process `pid` is alive and is a PostgreSQL server on `data_dir`.

    Numbers are given out again after a crash or in a new container, so that a living
    process alone proves nothing. A zombie is not alive.
    """
    words = _command_line(pid)
    return bool(words) and "postgres" in words[0] and str(data_dir) in " ".join(words)


def _command_line(pid: int) -> list[str]:
    if (PROC / "self").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            return []
    done = subprocess.run(  # noqa: S603 - our own argument list, no shell
        [PS, "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()
