import pytest

from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.passwords import Passwords, check_strength


@pytest.fixture
def passwords():
    made = Passwords()
    yield made
    made.close()


async def test_a_password_matches_its_hash_and_no_other(passwords):
    stored = await passwords.hash("correct horse")

    assert stored.startswith("$2b$10$")
    assert await passwords.matches("correct horse", stored)
    assert not await passwords.matches("correct horsf", stored)


@pytest.mark.parametrize("password", ["", "näve-пароль", "nul\0inside", "x" * 72])
async def test_any_text_of_up_to_72_bytes_works(passwords, password):
    assert await passwords.matches(password, await passwords.hash(password))


async def test_what_bcrypt_would_cut_off_does_not_match(passwords):
    stored = await passwords.hash("x" * 72)

    assert not await passwords.matches("x" * 73, stored)


async def test_nobody_has_no_password(passwords):
    assert not await passwords.matches("anything", None)
    assert not await passwords.matches("", "")


@pytest.mark.parametrize(
    ("password", "status", "code", "reasons"),
    [
        ("12345", 422, "weak_password", ("length",)),
        ("x" * 73, 400, "validation_failed", ()),
        ("ü" * 37, 400, "validation_failed", ()),
    ],
)
def test_a_password_is_neither_too_short_nor_too_long(password, status, code, reasons):
    with pytest.raises(AuthError) as refused:
        check_strength(password)

    error = refused.value
    assert (error.status, error.code, error.weak_reasons) == (status, code, reasons)


def test_a_fair_password_passes():
    check_strength("123456")
    check_strength("x" * 72)
