import subprocess
import sys

import pytest

import atoms_mcp


@pytest.mark.parametrize("name", atoms_mcp.__all__)
def test_every_public_name_is_there(name):
    assert getattr(atoms_mcp, name).__name__ == name


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match="no attribute 'NoSuch'"):
        _ = atoms_mcp.NoSuch


def test_the_package_alone_loads_nothing_else():
    program = "import atoms_mcp, sys; print([n for n in sys.modules if n.startswith('atoms_mcp.')])"
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, check=True
    )

    assert told.stdout.strip() == b"[]"
