"""The migrations as files: their order, their names, and how they are handed over."""

import pytest

from atoms_mcp.errors import ConfigError
from atoms_mcp.schema import FILE_NAME, migrations, write_to


def test_migrations_come_in_order_and_each_has_a_version_of_its_own():
    versions = [step.version for step in migrations()]
    assert versions == sorted(set(versions))
    assert len(versions) >= 12


def test_a_migration_is_named_as_the_supabase_cli_names_it():
    assert all(FILE_NAME.fullmatch(step.file_name) for step in migrations())


def test_the_text_of_a_migration_stays_out_of_its_repr():
    assert "create" not in repr(migrations()[0])


def test_all_files_are_written_once(tmp_path):
    folder = tmp_path / "supabase" / "migrations"
    written = write_to(folder)
    assert [path.name for path in written] == [step.file_name for step in migrations()]
    assert written[0].read_text(encoding="utf-8") == migrations()[0].sql
    assert write_to(folder) == ()


def test_a_missing_file_is_added_beside_the_others(tmp_path):
    lost = write_to(tmp_path)[3]
    lost.unlink()
    assert write_to(tmp_path) == (lost,)


def test_a_changed_file_is_never_overwritten_and_nothing_else_is_written(tmp_path):
    paths = write_to(tmp_path)
    paths[1].write_text("-- mine now", encoding="utf-8")
    paths[2].unlink()
    with pytest.raises(ConfigError) as caught:
        write_to(tmp_path)
    assert len(caught.value.faults) == 1
    assert paths[1].name in caught.value.faults[0]
    assert paths[1].read_text(encoding="utf-8") == "-- mine now"
    assert not paths[2].exists()


def test_another_migration_with_the_same_version_is_a_fault(tmp_path):
    step = migrations()[0]
    (tmp_path / f"{step.version}_theirs.sql").write_text("select 1", encoding="utf-8")
    with pytest.raises(ConfigError, match="theirs"):
        write_to(tmp_path)
