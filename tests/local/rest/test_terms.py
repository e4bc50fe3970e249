"""The typed request."""

from atoms_mcp.local.rest.terms import Query, Scope


def test_a_query_without_parameters_has_an_empty_root():
    assert Query(()).root == Scope((), (), None, 0)
