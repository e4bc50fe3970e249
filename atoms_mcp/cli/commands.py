"""The commands; each reads its settings, calls `app` and says what came of it."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import click

from atoms_mcp import __version__, app, schema
from atoms_mcp.cli import banner
from atoms_mcp.errors import AtomsError, ConfigError
from atoms_mcp.identity.kept_login import NoLogin
from atoms_mcp.identity.sign_in import SignInRefused
from atoms_mcp.settings import ServerSettings, StackSettings, load, rows
from atoms_mcp.supabase.errors import SupabaseError

BEGAN_AT = time.monotonic()
VARIABLES = {
    "state_dir": "ATOMS_STATE_DIR",
    "host": "ATOMS_FASTMCP_HOST",
    "port": "ATOMS_FASTMCP_PORT",
}

STATE_DIR = click.option(
    "--state-dir", type=click.Path(path_type=Path), help="Folder for data and keys."
)
HOST = click.option("--host", help="Address to bind.")
PORT = click.option("--port", type=int, help="Port to bind; 0 picks a free one.")
NO_DEMO = click.option("--no-demo", is_flag=True, help="Leave the demo accounts out.")


class Commands(click.Group):
    """A group that tells faults in words: settings end with code 2, anything else with 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - what click returns
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except ConfigError as exc:
            click.echo("atoms-mcp cannot start:", err=True)
            for fault in exc.faults:
                click.echo(f"  - {fault}", err=True)
            sys.exit(2)
        except NoLogin as exc:
            click.echo(f"atoms-mcp: {exc} (or set ATOMS_ACCESS_TOKEN)", err=True)
            sys.exit(2)
        except SignInRefused as exc:
            click.echo(f"atoms-mcp: {exc.message} {exc.hint}", err=True)
        except SupabaseError as exc:
            click.echo(f"atoms-mcp: Supabase could not be asked ({exc}); try again.", err=True)
        except AtomsError as exc:
            click.echo(f"atoms-mcp: {exc}", err=True)
        sys.exit(1)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="atoms-mcp")
@click.pass_context
def main(ctx: click.Context, /) -> None:
    """Sign in with Supabase, for MCP. Without a command: serve, where a project is configured."""
    if ctx.invoked_subcommand is None:
        if _has_project(os.environ):
            ctx.invoke(serve)
        else:
            click.echo(ctx.get_help())


@main.command()
@STATE_DIR
@HOST
@PORT
def serve(**options: object) -> None:
    """Serve a Supabase project (NEXT_PUBLIC_SUPABASE_URL, NEXT_PUBLIC_SUPABASE_ANON_KEY)."""
    settings = load(ServerSettings, _environ(options))
    if settings.transport == "stdio":
        _run(app.speak_stdio(settings))
    else:
        _run(app.serve(settings, lambda url: click.echo(f"atoms-mcp is ready: {url}")))


@main.command()
@STATE_DIR
@HOST
@PORT
@NO_DEMO
def dev(*, no_demo: bool, **options: object) -> None:
    """Start the embedded stack and the server on this machine."""

    def announce(url: str, stack: app.StackFacts) -> None:
        took_s = time.monotonic() - BEGAN_AT
        click.echo(banner.render_ready(url, stack, took_s=took_s, with_demo=not no_demo))

    _run(app.develop(_environ(options), announce, with_demo=not no_demo))


@main.group(invoke_without_command=True)
@click.pass_context
@STATE_DIR
@NO_DEMO
@click.option("--json", "as_json", is_flag=True, help="Say where it is in one line of JSON.")
def local(ctx: click.Context, /, *, no_demo: bool, as_json: bool, **options: object) -> None:
    """Start the embedded stack alone: PostgreSQL and the gateway."""
    settings = load(StackSettings, _environ(options))
    ctx.obj = settings
    if ctx.invoked_subcommand is None:
        render = banner.render_stack_json if as_json else banner.render_stack
        _run(
            app.run_stack(settings, lambda stack: click.echo(render(stack)), with_demo=not no_demo)
        )


@local.command("rotate-key")
@click.pass_obj
def rotate_key(settings: StackSettings) -> None:
    """Make a new signing key; the old one stays published, so that its tokens go on."""
    click.echo(f"New tokens are signed by {app.rotate_key(settings)}; the old key stays published.")


@main.command()
@STATE_DIR
def stdio(**options: object) -> None:
    """Speak MCP on standard input and output, as the user of ATOMS_ACCESS_TOKEN or of login."""
    _run(app.speak_stdio(load(ServerSettings, _with_stack(options))))


@main.command()
@STATE_DIR
@click.option("--email", prompt="Email", help="The account to sign in with.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def login(email: str, *, password_stdin: bool, **options: object) -> None:
    """Sign in once and keep the login for atoms-mcp stdio."""
    settings = load(ServerSettings, _with_stack(options))
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True)
    kept = _run(app.keep_login(settings, email, password))
    click.echo(f"Signed in to {settings.supabase_url} as {email}; kept in {kept.path}.")


@main.command("schema")
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the migrations into this folder, like supabase/migrations.",
)
def show_schema(folder: Path | None) -> None:
    """Print the SQL migrations, or write them for the Supabase CLI."""
    if folder is None:
        for migration in schema.migrations():
            click.echo(f"-- {migration.version}_{migration.name}.sql\n{migration.sql}")
        return
    for path in schema.write_to(folder):
        click.echo(path)


@main.command("settings")
def show_settings() -> None:
    """Print every setting: its name, what it is now, and what it means."""
    for row in rows():
        names = (row.name, *row.other_names)
        given = next((os.environ[name] for name in names if os.environ.get(name)), None)
        shown = "(set)" if given and row.is_secret else given
        now = shown or (row.default if row.default is not None else "(required)")
        click.echo(f"{row.name}={now}\n    {row.help}")


def _environ(options: Mapping[str, object]) -> Mapping[str, str]:
    """Give the environment, with a command's options in the place of their variables."""
    given = {VARIABLES[key]: str(value) for key, value in options.items() if value is not None}
    return {**os.environ, **given}


def _with_stack(options: Mapping[str, object]) -> Mapping[str, str]:
    """Give the environment; where it names no project, with the embedded stack that runs now."""
    environ = _environ(options)
    if _has_project(environ):
        return environ
    return {**environ, **app.find_stack(load(StackSettings, environ))}


def _has_project(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("NEXT_PUBLIC_SUPABASE_URL") or environ.get("SUPABASE_URL"))


def _run(main: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the coroutine gives
    """Run one command to its end, on uvloop where there is one."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every platform

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)
