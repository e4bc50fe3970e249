"""The commands; each reads its settings, calls `app` and says what came of it."""

import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import click

from atoms_mcp import __version__, app, schema
from atoms_mcp.cli import banner
from atoms_mcp.cli.doctor import doctor
from atoms_mcp.cli.login import login, logout, token, whoami
from atoms_mcp.cli.options import (
    HOST,
    NO_DEMO,
    PORT,
    STATE_DIR,
    has_project,
    read_environ,
    run,
    with_stack,
)
from atoms_mcp.errors import AtomsError, ConfigError
from atoms_mcp.identity.kept_login import NoLogin
from atoms_mcp.identity.sign_in import SignInRefused
from atoms_mcp.settings import ServerSettings, StackSettings, load, rows
from atoms_mcp.supabase.errors import SupabaseError

BEGAN_AT = time.monotonic()
SECRET_BYTES = 32


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
        if has_project(os.environ):
            ctx.invoke(serve)
        else:
            click.echo(ctx.get_help())


@main.command()
@STATE_DIR
@HOST
@PORT
def serve(**options: object) -> None:
    """Serve a Supabase project (NEXT_PUBLIC_SUPABASE_URL, NEXT_PUBLIC_SUPABASE_ANON_KEY)."""
    settings = load(ServerSettings, read_environ(options))
    if settings.transport == "stdio":
        run(app.speak_stdio(settings))
    else:
        run(app.serve(settings, lambda url: click.echo(f"atoms-mcp is ready: {url}")))


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

    run(app.develop(read_environ(options), announce, with_demo=not no_demo))


@main.group(invoke_without_command=True)
@click.pass_context
@STATE_DIR
@NO_DEMO
@click.option("--json", "as_json", is_flag=True, help="Say where it is in one line of JSON.")
def local(ctx: click.Context, /, *, no_demo: bool, as_json: bool, **options: object) -> None:
    """Start the embedded stack alone: PostgreSQL and the gateway."""
    settings = load(StackSettings, read_environ(options))
    ctx.obj = settings
    if ctx.invoked_subcommand is None:
        render = banner.render_stack_json if as_json else banner.render_stack
        run(app.run_stack(settings, lambda stack: click.echo(render(stack)), with_demo=not no_demo))


@local.command("rotate-key")
@click.pass_obj
def rotate_key(settings: StackSettings) -> None:
    """Make a new signing key; the old one stays published, so that its tokens go on."""
    click.echo(f"New tokens are signed by {app.rotate_key(settings)}; the old key stays published.")


@main.command()
@STATE_DIR
def stdio(**options: object) -> None:
    """Speak MCP on standard input and output, as the user of ATOMS_ACCESS_TOKEN or of login."""
    run(app.speak_stdio(load(ServerSettings, with_stack(options))))


for command in (login, logout, whoami, token, doctor):
    main.add_command(command)


@main.command()
def secret() -> None:
    """Make a key for ATOMS_SECRET_KEY. To rotate, put the new one before the old: "new,old"."""
    click.echo(secrets.token_hex(SECRET_BYTES))


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
