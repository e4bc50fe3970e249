"""As whom PostgreSQL runs: it refuses to be root, so a root caller needs a way around.

As root, a user namespace is tried first: no account is needed, and all files stay root's
own, mode 0700. Where a container forbids that, an unprivileged account of the system runs
it and owns the data.

Source: PostgreSQL manual, "Server Setup and Operation".
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from atoms_mcp.local.errors import StackError

NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class RunAs:
    """How to start a program: what to put before it, and who owns the files it writes."""

    prefix: tuple[str, ...]
    uid: int
    gid: int

    def give(self, path: Path) -> None:
        """Hand the (empty, just made) folder `path` to whoever PostgreSQL runs as."""
        if path.stat().st_uid != self.uid:
            os.chown(path, self.uid, self.gid)


def find_run_as(bin_dir: Path, data_home: Path) -> RunAs:
    """Find a way to run PostgreSQL here; `data_home` is the folder that its data lies in.

    Raises:
        StackError: we are root, and neither way works.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        return RunAs((), uid, gid)
    if _works((*NAMESPACE, str(bin_dir / "postgres"), "-V")):
        return RunAs(NAMESPACE, uid, gid)
    for account in _accounts():
        prefix = (
            "setpriv",
            f"--reuid={account.pw_uid}",
            f"--regid={account.pw_gid}",
            "--clear-groups",
        )
        # What is secret in there has a mode of its own; parents are left as they are.
        data_home.chmod(data_home.stat().st_mode | 0o011)
        can_run = _works((*prefix, str(bin_dir / "postgres"), "-V"))
        if can_run and _works((*prefix, "test", "-x", str(data_home))):
            return RunAs(prefix, account.pw_uid, account.pw_gid)
    raise StackError(
        "PostgreSQL refuses to run as root, user namespaces (unshare) are forbidden here, and "
        f"no account of {', '.join(ACCOUNTS)} can reach both {bin_dir} and {data_home}. Run as an "
        "ordinary user, or allow user namespaces, or install into and set ATOMS_STATE_DIR to "
        "folders that others may traverse"
    )


def _accounts() -> list[pwd.struct_passwd]:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return [known[name] for name in ACCOUNTS if name in known]


def _works(command: tuple[str, ...]) -> bool:
    program = shutil.which(command[0])
    if program is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            [program, *command[1:]], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
