import pytest
from entrance import make_state

EMAIL = "ada@acme.example"


async def ask(visit, path, **fields):
    return await visit.post(path, {"state": make_state(visit), "email": EMAIL, **fields})


@pytest.mark.parametrize("path", ["/sign-in/code", "/recover"])
async def test_the_code_goes_where_the_mail_was_asked_for_and_another_one_can_be_sent(visit, path):
    page = await ask(visit, path)

    assert page.forms[0].action == path
    assert page.forms[0].fields["email"] == EMAIL
    assert page.forms[0].buttons.count(("step", "begin")) == 2
    assert EMAIL in page.text
