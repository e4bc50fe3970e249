"""Time-based one-time passwords: what an authenticator app shows.

Source: RFC 6238 (SHA-1, 30 seconds, six digits, one step of skew: what Supabase Auth uses and
every app knows); RFC 4226 section 5.3.
"""

import base64
import hmac
import struct
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20


def code_at(secret: str, at: float) -> str:
    """Give the six digits that belong to a base32 `secret` at `at` (Unix seconds)."""
    counter = struct.pack(">Q", int(at // STEP_S))
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def is_right(secret: str, code: str, at: float) -> bool:
    """Tell whether `code` belongs to now, or to the step before or after: clocks differ.

    Every possible code is compared, in constant time.
    """
    given = code.encode("utf-8", "surrogatepass")
    matches = [
        hmac.compare_digest(given, code_at(secret, at + skew).encode())
        for skew in (-STEP_S, 0, STEP_S)
    ]
    return any(matches)


def render_secret(raw: bytes) -> str:
    """Give `SECRET_BYTES` random bytes as apps take them: base32 (20 bytes need no padding)."""
    return base64.b32encode(raw).decode()


def render_uri(secret: str, *, issuer: str, account: str) -> str:
    """Give what a QR code would hold.

    Source: Google Authenticator, "Key Uri Format".
    """
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    query = {
        "algorithm": "SHA1",
        "digits": str(DIGITS),
        "issuer": issuer,
        "period": str(STEP_S),
        "secret": secret,
    }
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"
