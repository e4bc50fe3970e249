import hashlib
import re

from aiohttp import hdrs

from atoms_mcp.web.files import FILES, Files
from atoms_mcp.web.theme import PNG, Logo, Theme


async def test_the_stylesheet_is_kept_for_good_under_a_name_of_its_content(web):
    place = web.app[FILES].stylesheet
    answer = await web.ask("GET", place)

    assert answer.status == 200
    assert answer.content_type == "text/css"
    assert answer.headers[hdrs.CACHE_CONTROL] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert hashlib.sha256(answer.told).hexdigest()[:16] in place
    assert b"--accent:#3157d5" in answer.told
    assert b"prefers-color-scheme" in answer.told
    assert b"@import" not in answer.told
    assert not re.search(rb"url\(", answer.told)
    assert len(answer.told) < 20_000


async def test_our_mark_has_the_accent_and_an_ink_that_stands_out(make_web):
    web = await make_web(ATOMS_THEME_ACCENT="#ffdd00")
    answer = await web.ask("GET", web.app[FILES].logo)

    assert answer.content_type == "image/svg+xml"
    assert answer.told.count(b"#ffdd00") == 1
    assert b"#000000" in answer.told
    assert b"#ffffff" not in answer.told


async def test_an_operators_svg_cannot_do_anything(make_web, tmp_path):
    path = tmp_path / "logo.svg"
    path.write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    web = await make_web(ATOMS_THEME_LOGO=str(path))

    answer = await web.ask("GET", web.app[FILES].logo)

    assert answer.told == path.read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def test_another_look_has_other_names():
    one, other = Files(Theme("a", "#3157d5")), Files(Theme("a", "#3157d6"))
    own = Files(Theme("a", "#3157d5", Logo("png", PNG)))

    assert one.stylesheet != other.stylesheet
    assert one.logo != other.logo
    assert own.stylesheet == one.stylesheet
    assert own.logo.endswith(".png")


async def test_other_names_are_not_there(web):
    for name in ("style.css", "style.0000000000000000.css", "..%2fpages.py", "../pages.py"):
        assert (await web.ask("GET", f"/assets/{name}")).status == 404
