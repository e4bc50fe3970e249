"""Passwords: bcrypt at cost 10, off the event loop.

Source: Supabase Auth API (72 bytes at most; fewer than 6 characters are refused).
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from atoms_mcp.local.auth.errors import AuthError

COST = 10
LEAST_CHARS = 6
MOST_BYTES = 72
# Of no password that anybody could have set; compared with where there is no account, so
# that the time of an answer does not tell accounts from strangers.
NOBODY = b"$2b$10$ILUNMdOYyOq.cprejJki/.rVH.ObSrgo0gWJoNiEWi191ihFeM4ye"


class Passwords:
    """Hashes and compares, on as many threads as there are cores, so that logins queue up here."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="bcrypt")

    async def hash(self, password: str) -> str:
        """Give what is stored for a password that `check_strength` let pass."""
        loop = asyncio.get_running_loop()
        salt = bcrypt.gensalt(COST)
        return (
            await loop.run_in_executor(self._pool, bcrypt.hashpw, password.encode(), salt)
        ).decode()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether `password` is the stored one; no stored one takes as long to say no."""
        given = password.encode()
        # Nobody has such a long one: it is refused when it is set.
        is_possible = len(given) <= MOST_BYTES and bool(stored)
        loop = asyncio.get_running_loop()
        is_same = await loop.run_in_executor(
            self._pool,
            bcrypt.checkpw,
            given[:MOST_BYTES],
            stored.encode() if stored else NOBODY,
        )
        return is_same and is_possible

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def check_strength(password: str) -> None:
    """Refuse a password that is too short, or longer than bcrypt reads.

    Raises:
        AuthError: weak_password (422) or validation_failed (400).
    """
    if len(password.encode()) > MOST_BYTES:
        raise AuthError(
            400, "validation_failed", f"Password cannot be longer than {MOST_BYTES} characters"
        )
    if len(password) < LEAST_CHARS:
        raise AuthError(
            422,
            "weak_password",
            f"Password should be at least {LEAST_CHARS} characters.",
            weak_reasons=["length"],
        )
