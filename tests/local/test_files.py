import pytest

from atoms_mcp.local import files
from atoms_mcp.local.files import write_private


def test_a_private_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "deep" / "key"

    write_private(path, "secret")

    assert path.read_text() == "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "key"
    path.write_text("a much longer text")

    write_private(path, "new")

    assert path.read_text() == "new"


def test_a_write_that_fails_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "key"
    path.write_text("old")

    def fail(_handle):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail)

    with pytest.raises(OSError, match="disk full"):
        write_private(path, "new")

    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]
    assert path.read_text() == "old"
