"""Where the kept login lies: in the platform's keyring, or in a file for its owner only.

A vault keeps one text. Which one is used depends on the machine alone: the keyring where one
answers, the file where none does (a server, a container).

Source: the `keyring` library's backends.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import keyring
from keyring.backends import fail, null
from keyring.errors import KeyringError, PasswordDeleteError

from atoms_mcp.errors import AtomsError

SERVICE = "atoms-mcp"
OWNER_ONLY = 0o600
OWNER_ONLY_FOLDER = 0o700


class VaultClosed(AtomsError):  # noqa: N818 - says what is the case
    """The keyring is locked, or nobody is there to unlock it; the text says what to do."""


class Vault(Protocol):
    """Keeps one text; every method may block. `place` is for people."""

    @property
    def place(self) -> str:
        """Where it lies."""

    def read(self) -> str | None:
        """Give what is kept, None where nothing is."""

    def write(self, text: str) -> None:
        """Keep this instead of anything else."""

    def remove(self) -> None:
        """Keep nothing."""


class FileVault:
    """A file that only its owner can read, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    def read(self) -> str | None:
        """Give the text of the file."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            return ""

    def write(self, text: str) -> None:
        """Replace the file at once: whoever reads finds the old text or the new one."""
        self.path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        # mkstemp makes it readable by its owner alone, before anything is in it.
        handle, temporary = tempfile.mkstemp(prefix=self.path.name, dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(OWNER_ONLY)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)


class KeyringVault:
    """An entry of the platform's keyring; `name` tells entries apart."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def place(self) -> str:
        """What the platform calls its keyring."""
        return f"the keyring ({keyring.get_keyring().name})"

    def read(self) -> str | None:
        """Give the entry."""
        with _answering():
            return keyring.get_password(SERVICE, self._name)

    def write(self, text: str) -> None:
        """Replace the entry."""
        with _answering():
            keyring.set_password(SERVICE, self._name, text)

    def remove(self) -> None:
        """Delete the entry, if there is one."""
        with _answering(), suppress(PasswordDeleteError):
            keyring.delete_password(SERVICE, self._name)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except KeyringError as exc:
        raise VaultClosed(
            f"The keyring does not answer ({exc}); unlock it, then try again"
        ) from exc


def open_vault(path: Path, name: str) -> Vault:
    """Give the keyring's entry `name`; without a keyring that answers, the file at `path`.

    A login in the file stays in use: it was kept when there was no keyring.
    """
    if path.exists() or isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring)):
        return FileVault(path)
    vault = KeyringVault(name)
    try:
        vault.read()
    except VaultClosed:
        # Locked, or nobody there to unlock it (a session without a desktop).
        return FileVault(path)
    return vault
