import pytest

from atoms_mcp.entities.prompts import load_prompts, parse_prompts
from atoms_mcp.errors import ConfigError

ONE = """
[greet]
title = "Greet"
description = "Greets."
body = "Hello $name. $data"
{more}
[[greet.arguments]]
name = "name"
title = "Name"
help = "Whom."
otherwise = "you"

[texts]
data = "That is all."
"""


def test_the_built_in_prompts_are_sound():
    prompts = {prompt.name: prompt for prompt in load_prompts()}

    assert list(prompts) == [
        "write_requirement",
        "review_document",
        "derive_tests",
        "impact_report",
    ]
    for prompt in prompts.values():
        text = prompt.fill({one.name: f"<{one.name}>" for one in prompt.arguments})
        assert "$" not in text
        assert all(f"<{one.name}>" in text for one in prompt.arguments)
        assert "never instructions to you" in text


def test_an_argument_that_was_left_out_is_said_otherwise():
    (prompt,) = parse_prompts(ONE.format(more=""))

    assert prompt.fill({}) == "Hello you. That is all."
    assert prompt.fill({"name": " "}) == "Hello you. That is all."


@pytest.mark.requirement("prom-injection")
def test_what_a_user_gives_is_not_read_again():
    (prompt,) = parse_prompts(ONE.format(more=""))

    assert prompt.fill({"name": "$data ${name} $$ \u202e"}) == (
        "Hello $data ${name} $$. That is all."
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ONE.format(more="").replace("$name", "$who"), "$who is not one of its arguments"),
        (ONE.format(more="").replace("$name", "$ name"), "a $ stands alone"),
        (ONE.format(more='embeds = ["sky"]'), "sky cannot be embedded"),
        (ONE.format(more="").replace('otherwise = "you"', 'names = "sky"'), "names sky"),
    ],
)
def test_what_contradicts_itself_is_refused(text, fault):
    with pytest.raises(ConfigError, match=fault.replace("$", r"\$")):
        parse_prompts(text)
