import pytest

from atoms_mcp.entities.faults import Fault, not_allowed, raise_for, shown, unknown
from atoms_mcp.errors import ToolError


def test_no_fault_is_no_error():
    raise_for([])


def test_one_error_names_every_fault():
    faults = [Fault("data.title is missing", "data.title"), not_allowed("sort", "x", ("title",))]

    with pytest.raises(ToolError) as caught:
        raise_for(faults, see=" See describe.")

    error = caught.value
    assert error.code == "invalid_argument"
    assert error.message == "data.title is missing. Also: sort cannot be 'x'."
    assert error.fix == "correct data.title and repeat the call. See describe."
    assert error.details == {"field": "data.title"}


def test_an_unknown_name_is_told_the_nearest_one():
    with pytest.raises(ToolError) as caught:
        raise_for([unknown("field", "data.state", "state", ["title", "status"])])

    assert caught.value.message == "unknown field data.state. Did you mean data.status?"
    assert caught.value.fix == "use data.status."
    assert caught.value.details == {"field": "data.state", "did_you_mean": "data.status"}


def test_a_value_that_is_not_allowed_is_told_the_nearest_one():
    with pytest.raises(ToolError) as caught:
        raise_for([not_allowed("entity_type", "requirment", ("project", "requirement"))])

    assert caught.value.message == ("entity_type cannot be 'requirment'. Did you mean requirement?")
    assert caught.value.fix == "use one of: project, requirement."


def test_a_name_like_no_other_is_told_all_of_them():
    with pytest.raises(ToolError) as caught:
        raise_for([unknown("argument", "zzz", "zzz", ["query", "sort"])])

    assert caught.value.message == "unknown argument zzz."
    assert caught.value.fix == "use one of: query, sort."
    assert caught.value.details == {"field": "zzz", "allowed": ["query", "sort"]}


def test_a_fix_of_its_own_wins():
    with pytest.raises(ToolError, match=r"Fix: leave it out\."):
        raise_for([Fault("x is odd!", "x", ("y",), fix="leave it out")])


def test_what_somebody_sent_is_shown_short():
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 500)) == 60
