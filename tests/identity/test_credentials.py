import pytest

from atoms_mcp.identity.credentials import (
    Malformed,
    account_key,
    address_key,
    check_code,
    check_credentials,
    check_email,
    check_new_password,
    check_token,
)

SECRET = "secret"


def check(email="ada@acme.example", password=SECRET, captcha_token=None):
    return check_credentials(email, password, captcha_token)


def test_credentials_are_taken_as_they_are():
    credentials = check(password=" blanks and ünïcode \n")

    assert credentials.email == "ada@acme.example"
    assert credentials.password == " blanks and ünïcode \n"
    assert credentials.captcha_token is None


def test_secrets_are_not_in_their_text():
    assert "secret" not in repr(check(captcha_token="captcha"))
    assert "captcha'" not in repr(check(captcha_token="captcha"))


@pytest.mark.parametrize(
    "spelling",
    [
        "ADA@ACME.example",
        " ada@acme.example ",
        "Ada@acme.EXAMPLE",
        "\uff41\uff44\uff41@acme.example",
    ],
)
def test_spellings_of_one_account_count_as_one(spelling):
    assert check(email=spelling).account == "ada@acme.example"


@pytest.mark.parametrize(
    "email",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("  ", id="blank"),
        pytest.param(7, id="number"),
        pytest.param(True, id="bool"),
        pytest.param(["ada@acme.example"], id="list"),
        pytest.param({}, id="object"),
        pytest.param("ada", id="no-at"),
        pytest.param("@acme", id="no-name"),
        pytest.param("ada@", id="no-host"),
        pytest.param("ada@acme\x00.example", id="nul"),
        pytest.param("ada@acme\n.example", id="newline"),
        pytest.param("ada lovelace@acme", id="blank-inside"),
        pytest.param("ada\ud800@acme.example", id="lone-surrogate"),
        pytest.param("a" * 250 + "@b.example", id="long"),
    ],
)
def test_what_is_no_address_is_refused_by_its_field(email):
    with pytest.raises(Malformed) as caught:
        check(email=email)

    assert caught.value.field == "email"
    assert "email" in caught.value.message


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param(1234, id="number"),
        pytest.param([], id="list"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("\udfff", id="lone-surrogate"),
        pytest.param("x" * 1025, id="long"),
        pytest.param("ü" * 513, id="long-in-bytes"),
    ],
)
def test_what_can_be_no_password_is_refused_by_its_field(password):
    with pytest.raises(Malformed) as caught:
        check(password=password)

    assert caught.value.field == "password"


def test_a_password_may_have_a_kilobyte():
    assert check(password="ü" * 512).password == "ü" * 512


@pytest.mark.parametrize("token", [7, "", "a b\n", "é", "x" * 4097])
def test_odd_tokens_are_refused_by_their_field(token):
    with pytest.raises(Malformed) as caught:
        check(captcha_token=token)
    assert caught.value.field == "captcha_token"

    with pytest.raises(Malformed):
        check_token("refresh_token", token)


def test_a_token_is_opaque():
    assert check_token("refresh_token", "abc-DEF_123.~") == "abc-DEF_123.~"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("/run/atoms.sock", "/run/atoms.sock"),
        (None, "unknown"),
    ],
)
def test_addresses_are_counted_by_what_one_person_has(address, key):
    assert address_key(address) == key


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456\n", "123456"),
        ("123-456", "123456"),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", "123456"),
        ("1234567890", "1234567890"),
    ],
)
def test_a_code_is_read_the_way_people_type_it(typed, code):
    assert check_code(typed) == code


@pytest.mark.parametrize(
    "value",
    [
        None,
        123456,
        "",
        "12345",
        "12345678901",
        "12a456",
        "123456\x00",
        "\ud800123456",
        "²" * 6 + "x",
        "1" * 10_000,
        "१२३४५६",
    ],
)
def test_what_is_no_code_is_refused(value):
    with pytest.raises(Malformed) as caught:
        check_code(value)

    assert caught.value.field == "code"


def test_a_new_password_is_taken_to_the_last_blank():
    assert check_new_password(" pass word ") == " pass word "
    assert check_new_password("ä" * 36) == "ä" * 36


@pytest.mark.parametrize("value", [None, 7, "", " ", "x" * 73, "ä" * 37, "a\x00b", "\udc00"])
def test_what_no_account_can_have_is_no_new_password(value):
    with pytest.raises(Malformed) as caught:
        check_new_password(value)

    assert caught.value.field == "password"


@pytest.mark.parametrize("value", [None, [], "", "x", "@", "a@", "a b@c", "a\x00@b", "a@" * 200])
def test_what_is_no_address_is_refused(value):
    with pytest.raises(Malformed) as caught:
        check_email(value)

    assert caught.value.field == "email"


def test_spellings_of_one_account_are_counted_as_one():
    assert account_key("ADA@Acme.example") == account_key("ada@acme.example")
