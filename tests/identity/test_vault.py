import stat

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked, PasswordDeleteError

from atoms_mcp.identity.vault import FileVault, KeyringVault, VaultClosed, open_vault


class Desktop(KeyringBackend):
    """A keyring as desktops have one, in memory."""

    priority = 1
    name = "Desktop"

    def __init__(self, *, is_locked=False):
        super().__init__()
        self.entries = {}
        self.is_locked = is_locked

    def get_password(self, service, username):
        if self.is_locked:
            raise KeyringLocked
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        if self.is_locked:
            raise KeyringLocked("it is locked")
        self.entries[service, username] = password

    def delete_password(self, service, username):
        try:
            del self.entries[service, username]
        except KeyError:
            raise PasswordDeleteError from None


@pytest.fixture
def use():
    """Put a keyring in the place of this machine's."""
    before = keyring.get_keyring()
    yield lambda backend: keyring.set_keyring(backend) or backend
    keyring.set_keyring(before)


@pytest.fixture(params=["file", "keyring"])
def vault(request, tmp_path, use):
    if request.param == "file":
        return FileVault(tmp_path / "state" / "deep" / "login.json")
    use(Desktop())
    return KeyringVault("https://abc.supabase.co")


def test_it_keeps_the_last_text(vault):
    vault.write("old")
    vault.write("new")

    assert vault.read() == "new"


def test_nothing_is_kept_at_first_and_after_removal(vault):
    assert vault.read() is None
    vault.write("text")

    vault.remove()
    vault.remove()

    assert vault.read() is None


def test_a_file_is_for_its_owner_only(tmp_path):
    path = tmp_path / "state" / "login.json"

    FileVault(path).write("text")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    assert FileVault(path).place == str(path)


def test_a_file_that_is_no_text_is_read_as_empty(tmp_path):
    path = tmp_path / "login.json"
    path.write_bytes(b"\xff\xfe")

    assert FileVault(path).read() == ""


def test_the_keyring_is_taken_where_there_is_one(tmp_path, use):
    backend = use(Desktop())

    vault = open_vault(tmp_path / "login.json", "https://abc.supabase.co")
    vault.write("text")

    assert backend.entries == {("atoms-mcp", "https://abc.supabase.co"): "text"}
    assert vault.place == "the keyring (Desktop)"
    assert list(tmp_path.iterdir()) == []


def test_projects_have_entries_of_their_own(tmp_path, use):
    use(Desktop())
    open_vault(tmp_path / "login.json", "https://abc.supabase.co").write("text")

    assert open_vault(tmp_path / "login.json", "https://def.supabase.co").read() is None


@pytest.mark.parametrize("backend", [fail.Keyring(), Desktop(is_locked=True)])
def test_without_a_keyring_that_answers_it_is_the_file(tmp_path, use, backend):
    use(backend)

    vault = open_vault(tmp_path / "login.json", "https://abc.supabase.co")

    assert vault.place == str(tmp_path / "login.json")


def test_a_login_that_lies_in_the_file_stays_in_use(tmp_path, use):
    use(Desktop())
    FileVault(tmp_path / "login.json").write("text")

    assert open_vault(tmp_path / "login.json", "https://abc.supabase.co").read() == "text"


def test_a_keyring_that_was_locked_meanwhile_is_told_as_one(use, tmp_path):
    desktop = use(Desktop())
    vault = open_vault(tmp_path / "login.json", "https://abc.supabase.co")
    desktop.is_locked = True

    with pytest.raises(VaultClosed, match=r"locked.*unlock it"):
        vault.write("kept")
    with pytest.raises(VaultClosed):
        vault.read()
