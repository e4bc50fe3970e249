"""What an email address and a password may look like before anybody upstream sees them.

Pure. The bounds refuse what no account can have; whether an account has it is not asked here.

Source: RFC 5321 section 4.5.3.1 (lengths); Supabase Auth (255 characters of an address).
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field

from atoms_mcp.errors import AtomsError

MAX_EMAIL_CHARS = 255
MAX_PASSWORD_BYTES = 1024
# Auth hashes by bcrypt, which would ignore what comes after.
MAX_NEW_PASSWORD_BYTES = 72
MAX_TOKEN_BYTES = 4096
# Small letters and digits, or base64url; how many is Auth's own matter.
REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,1024}")
CODE = re.compile(r"[0-9]{6,10}")
# People type codes in groups, the way they read them.
BETWEEN_GROUPS = re.compile(r"[\s\u2010-\u2015-]+")
# The customary share of one household or machine in IPv6.
IPV6_PREFIX = 64


class Malformed(AtomsError):  # noqa: N818 - says what is the case
    """A field of a request is not what it has to be; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody signs in with. `account` is the address as failures are counted by."""

    email: str
    password: str = field(repr=False)
    captcha_token: str | None = field(default=None, repr=False)

    @property
    def account(self) -> str:
        """Fold the spellings that reach one account into one."""
        return account_key(self.email)


def check_credentials(email: object, password: object, captcha_token: object) -> Credentials:
    """Give the credentials, or say which field is wrong.

    The password is taken as it is, to the last blank.

    Raises:
        Malformed: a value is missing, of the wrong type, too long, or has NUL or a lone
            surrogate in it (which no upstream call could carry as it is).
    """
    address = check_email(email)
    secret = _text("password", password)
    if len(secret.encode()) > MAX_PASSWORD_BYTES:
        raise Malformed("password", f"password is longer than {MAX_PASSWORD_BYTES} bytes")
    if captcha_token is None:
        return Credentials(address, secret)
    return Credentials(address, secret, check_token("captcha_token", captcha_token))


def check_email(value: object) -> str:
    """Give an email address without the blanks around it, or say what is wrong with it.

    Raises:
        Malformed: as above.
    """
    address = _text("email", value).strip()
    if len(address) > MAX_EMAIL_CHARS:
        raise Malformed("email", f"email is longer than {MAX_EMAIL_CHARS} characters")
    if "@" not in address.strip("@") or not address.isprintable() or " " in address:
        raise Malformed("email", "email is not an email address")
    return address


def check_new_password(value: object) -> str:
    """Give a password that an account may have from now on; it is taken to the last blank.

    Raises:
        Malformed: as above, with a narrower bound.
    """
    password = _text("password", value)
    if len(password.encode()) > MAX_NEW_PASSWORD_BYTES:
        raise Malformed(
            "password",
            f"password is longer than {MAX_NEW_PASSWORD_BYTES} bytes; choose a shorter one",
        )
    return password


def check_code(value: object) -> str:
    """Give a code as it was mailed or as an authenticator shows it: digits, nothing between.

    Raises:
        Malformed: as above, or it has other characters than digits, or too few or many.
    """
    text = unicodedata.normalize("NFKC", _text("code", value)[:MAX_EMAIL_CHARS])
    code = BETWEEN_GROUPS.sub("", text)
    if not CODE.fullmatch(code):
        raise Malformed("code", "code is not one: it has six to ten digits and nothing else")
    return code


def check_token(name: str, value: object) -> str:
    """Give an opaque token of a plausible length, or say what is wrong with it.

    Raises:
        Malformed: as above.
    """
    token = _text(name, value)
    if len(token) > MAX_TOKEN_BYTES or not token.isascii() or not token.isprintable():
        raise Malformed(name, f"{name} is not one that this server handed out")
    return token


def check_refresh_token(value: object) -> str:
    """Give a refresh token as Supabase makes them, or say that it is none.

    Raises:
        Malformed: as above.
    """
    token = check_token("refresh_token", value)
    if not REFRESH_TOKEN.fullmatch(token):
        raise Malformed("refresh_token", "refresh_token is not one that Supabase makes")
    return token


def account_key(email: str) -> str:
    """Give what failures of an account are counted by: one for all spellings of its address."""
    return unicodedata.normalize("NFKC", email).casefold()


def address_key(address: str | None) -> str:
    """Give what failures of an address are counted by: IPv6 by its network of 64 bits."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, IPV6_PREFIX), strict=False))
    return str(ip)


def way_key(address: str | None) -> str:
    """Give the account that failures of an address are counted by, where none was named."""
    return f"way of {address_key(address)}"


def _text(name: str, value: object) -> str:
    if value is None:
        raise Malformed(name, f"{name} is missing")
    if not isinstance(value, str):
        raise Malformed(name, f"{name} must be text")
    if not value.strip():
        raise Malformed(name, f"{name} is empty")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise Malformed(name, f"{name} has characters in it that no account has")
    return value
