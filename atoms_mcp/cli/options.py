"""What several commands share: their options, and how options become settings."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import click

from atoms_mcp import app
from atoms_mcp.settings import StackSettings, load

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


def read_environ(options: Mapping[str, object]) -> Mapping[str, str]:
    """Give the environment, with a command's options in the place of their variables."""
    given = {VARIABLES[key]: str(value) for key, value in options.items() if value is not None}
    return {**os.environ, **given}


def with_stack(options: Mapping[str, object]) -> Mapping[str, str]:
    """Give the environment; where it names no project, with the embedded stack that runs now."""
    environ = read_environ(options)
    if has_project(environ):
        return environ
    return {**environ, **app.find_stack(load(StackSettings, environ))}


def has_project(environ: Mapping[str, str]) -> bool:
    """Tell whether a project is configured."""
    return bool(environ.get("NEXT_PUBLIC_SUPABASE_URL") or environ.get("SUPABASE_URL"))


def run(main: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the coroutine gives
    """Run one command to its end, on uvloop where there is one."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every platform

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)
