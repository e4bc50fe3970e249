"""The built-in catalogue, read once."""

import pytest

from atoms_mcp.entities.catalogue import load_catalogue


@pytest.fixture(scope="session")
def catalogue():
    return load_catalogue()


@pytest.fixture(scope="session")
def requirement(catalogue):
    return catalogue["requirement"]
