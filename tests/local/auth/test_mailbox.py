from datetime import UTC, datetime

from atoms_mcp.local.auth.mailbox import Mail, Mailbox, render_mail

AT = datetime(2026, 11, 23, tzinfo=UTC)


def mail(to):
    return Mail(to=to, kind="magiclink", sent_at=AT, code="012345", link="http://x/?token=t")


def test_the_newest_mail_comes_first_and_the_oldest_goes():
    box = Mailbox(limit=2)
    for to in ("a", "b", "a"):
        box.put(mail(to))

    assert [one.to for one in box.find()] == ["a", "b"]
    assert [one.to for one in box.find("a")] == ["a"]
    assert box.find("c") == []


def test_a_mail_is_told_whole_and_logged_without_its_secrets():
    assert render_mail(mail("a")) == {
        "to": "a",
        "kind": "magiclink",
        "code": "012345",
        "link": "http://x/?token=t",
        "sent_at": "2026-11-23T00:00:00Z",
    }
    assert "012345" not in repr(mail("a"))
    assert "token" not in repr(mail("a"))
