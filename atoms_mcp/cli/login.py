"""`login`, `logout`, `whoami` and `token`: one's own login on this machine."""

import sys
import time
import webbrowser

import click

from atoms_mcp import app
from atoms_mcp.cli.options import STATE_DIR, run, with_stack
from atoms_mcp.identity.credentials import check_credentials
from atoms_mcp.identity.kept_login import Kept, NoLogin
from atoms_mcp.identity.second_factor import needs_second_factor
from atoms_mcp.settings import ServerSettings, load
from atoms_mcp.supabase.errors import SupabaseError

HALF_A_LOGIN = (
    "This account has a second factor, which was not asked for: whatever the project shows only "
    "with it stays hidden. To sign in with it, run: atoms-mcp login --browser"
)


@click.command()
@STATE_DIR
@click.option("--email", help="The account to sign in with; asked for unless given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--browser", is_flag=True, help="Sign in on a page in the browser instead.")
def login(*, email: str | None, password_stdin: bool, browser: bool, **options: object) -> None:
    """Sign in once and keep the login for stdio and token."""
    settings = load(ServerSettings, with_stack(options))
    if browser:
        click.echo(run(_sign_in_by_browser(settings)))
        return
    address = email or click.prompt("Email")
    password = _read_password(from_stdin=password_stdin)
    click.echo(run(_sign_in(settings, address, password)))


@click.command()
@STATE_DIR
def logout(**options: object) -> None:
    """End the login that is kept, and forget it."""
    click.echo(run(_sign_out(load(ServerSettings, with_stack(options)))))


@click.command()
@STATE_DIR
def whoami(**options: object) -> None:
    """Say who is logged in, and whether Supabase still accepts it."""
    settings = load(ServerSettings, with_stack(options))
    kept, place = run(_find_login(settings))
    left_min = max(round((kept.expires_at - time.time()) / 60), 0)
    click.echo(f"{kept.email} at {kept.supabase_url}")
    click.echo(f"Access token for another {left_min} min, renewed by itself; kept in {place}.")


@click.command()
@STATE_DIR
def token(**options: object) -> None:
    """Print an access token that is good for a minute at least, for scripts."""
    click.echo(run(_find_token(load(ServerSettings, with_stack(options)))))


async def _sign_in(settings: ServerSettings, email: str, password: str) -> str:
    credentials = check_credentials(email, password, None)
    async with app.open_desk(settings) as desk:
        session = await desk.sign_in.by_password(credentials, None)
        await desk.kept.save(session)
        told = _told(settings, email, desk)
        return told if needs_second_factor(session) is None else f"{told}\n{HALF_A_LOGIN}"


async def _sign_in_by_browser(settings: ServerSettings) -> str:
    try:
        session = await app.sign_in_by_browser(settings, _open_page)
    except TimeoutError:
        raise NoLogin("Nobody signed in; run: atoms-mcp login --browser") from None
    async with app.open_desk(settings) as desk:
        await desk.kept.save(session)
        return _told(settings, session.user.email, desk)


async def _sign_out(settings: ServerSettings) -> str:
    async with app.open_desk(settings) as desk:
        kept = await desk.kept.read()
        try:
            await desk.auth.sign_out(await desk.kept.token())
        except NoLogin:
            # Just what was wanted.
            told = f"The login of {kept.email} was over already; forgotten here."
        except SupabaseError as exc:
            # What cannot be ended there ends here all the same.
            told = f"Forgotten here; Supabase was not told ({exc})."
        else:
            told = f"Signed out {kept.email}."
        await desk.kept.drop()
        return told


async def _find_login(settings: ServerSettings) -> tuple[Kept, str]:
    async with app.open_desk(settings) as desk:
        kept = await desk.kept.read()
        try:
            await desk.auth.get_user(await desk.kept.token())
        except SupabaseError as exc:
            if not exc.ends_session:
                raise
            raise NoLogin(f"The login of {kept.email} is over; run: atoms-mcp login") from exc
        return await desk.kept.read(), desk.kept.place


async def _find_token(settings: ServerSettings) -> str:
    async with app.open_desk(settings) as desk:
        return await desk.kept.token()


def _told(settings: ServerSettings, email: str, desk: app.Desk) -> str:
    return f"Signed in to {settings.supabase_url} as {email}; kept in {desk.kept.place}."


def _open_page(url: str) -> None:
    click.echo(f"Opening {url}\nIf no browser comes up, open that page by hand.")
    webbrowser.open(url)


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    password: str = click.prompt("Password", hide_input=True)
    return password
