"""One stack for one state folder: a lock that ends with the process, however that ends."""

import contextlib
import fcntl
import os
from pathlib import Path

import orjson

from atoms_mcp.local.errors import StackError

NAME = "stack.lock"


class StateLock:
    """The lock on `state_dir`; the file says who holds it, for the message to the others."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / NAME
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            StackError: another process holds it; the text says where its stack answers.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = os.read(handle, 4096)
            os.close(handle)
            raise StackError(self._refusal(holder)) from exc
        self._handle = handle
        self.tell("")

    def tell(self, url: str) -> None:
        """Write down where the stack answers."""
        assert self._handle is not None, "only the holder tells"  # noqa: S101 - a mistake of ours
        text = orjson.dumps({"pid": os.getpid(), "url": url})
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, text, 0)

    def release(self) -> None:
        """Give the lock back; the file stays, because removing it would race with the next."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def _refusal(self, holder: bytes) -> str:
        told = _read(holder)
        where = told.get("url") or "an address it is about to print"
        return (
            f"an embedded stack already runs on {self._path.parent}: process {told.get('pid')}, "
            f"{where}; use that one, stop it, or choose another folder with --state-dir"
        )


def find_running(state_dir: Path) -> str | None:
    """Give the URL of the stack that runs on `state_dir` now; None where none is ready."""
    try:
        handle = os.open(state_dir / NAME, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return str(_read(os.read(handle, 4096)).get("url") or "") or None
    finally:
        os.close(handle)
    return None


def _read(text: bytes) -> dict[str, object]:
    told: dict[str, object] = {}
    with contextlib.suppress(orjson.JSONDecodeError):
        told = orjson.loads(text)
    return told
