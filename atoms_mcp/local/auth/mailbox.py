"""Where the mails of the embedded project go: they are kept here for whoever sits before it.

Nothing is sent. The newest are kept, in memory only.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from atoms_mcp.local.auth.user import render_time

MAIL_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: what it is about, and the code and the link that it holds."""

    to: str
    kind: str
    sent_at: datetime
    code: str = field(repr=False)
    link: str = field(repr=False)


class Mailbox:
    """The newest mails of the project."""

    def __init__(self, limit: int = MAIL_LIMIT) -> None:
        self._mails: deque[Mail] = deque(maxlen=limit)

    def put(self, mail: Mail) -> None:
        """Keep a mail; the oldest one goes where there are too many."""
        self._mails.appendleft(mail)

    def find(self, to: str = "") -> list[Mail]:
        """Give the mails to an address, or all, the newest first."""
        return [mail for mail in self._mails if to in {"", mail.to}]


def render_mail(mail: Mail) -> dict[str, str]:
    """Give a mail as JSON has it."""
    return {
        "to": mail.to,
        "kind": mail.kind,
        "code": mail.code,
        "link": mail.link,
        "sent_at": render_time(mail.sent_at),
    }
