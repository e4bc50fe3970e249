"""`doctor`: what it finds, as people read it."""

import os
import sys

import click
from rich.console import Console
from rich.text import Text

from atoms_mcp.cli.options import has_project, run
from atoms_mcp.doctor.examination import examine
from atoms_mcp.doctor.finding import Finding, Grade
from atoms_mcp.settings import ServerSettings, load

MARKS = {
    Grade.GOOD: ("✓", "green"),
    Grade.NOTE: ("·", "cyan"),
    Grade.WARNING: ("!", "yellow"),
    Grade.FAULT: ("✗", "bold red"),
}
SUBJECT_WIDTH = 18


@click.command()
@click.argument("url")
def doctor(url: str) -> None:
    """Walk through the server at URL as a client would, and say what is wrong and how to mend it.

    Where a Supabase project is configured it is looked at, too. Ends with code 1 if a client
    would fail.
    """
    grades = run(_examine(url))
    faults, warnings = grades.count(Grade.FAULT), grades.count(Grade.WARNING)
    if faults or warnings:
        click.echo(f"\n{faults} fault(s), {warnings} warning(s).")
    else:
        click.echo("\nEverything is as clients need it.")
    sys.exit(1 if faults else 0)


async def _examine(url: str) -> list[Grade]:
    project = None
    if has_project(os.environ):
        settings = load(ServerSettings, os.environ)
        project = (settings.supabase_url, settings.supabase_anon_key.get_secret_value())
    console = Console(highlight=False, soft_wrap=True)
    grades = []
    async for finding in examine(url, project):
        _show(console, finding)
        grades.append(finding.grade)
    return grades


def _show(console: Console, finding: Finding) -> None:
    mark, style = MARKS[finding.grade]
    line = Text.assemble((mark, style), f" {finding.subject:{SUBJECT_WIDTH}} {finding.told}")
    console.print(line)
    if finding.fix:
        console.print(Text(" " * (SUBJECT_WIDTH + 3) + finding.fix, style="dim"))
