"""The official conformance suite, run as its users run it, and what it found.

Its own exit code is not asked: it passes over warnings and over the scenarios that it does not
score. Every check that it wrote down is.
"""

import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "conformance"
MODULES = FOLDER / "node_modules"
RELEASE, NEXT = "conformance-release", "conformance-next"
RUN_S = 100
GOOD = {"SUCCESS", "INFO", "SKIPPED"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    scenario: str
    id: str
    status: str
    message: str

    def __str__(self):
        return f"{self.status} {self.scenario}: {self.id}: {self.message}"


def run_suite(package, arguments, *, target, token=None):
    """Run one of the two releases and give every check; a token goes with every request."""
    with tempfile.TemporaryDirectory() as results:
        done = subprocess.run(  # noqa: S603 - what package.json pins
            [*command(package, with_token=token is not None), *arguments, "-o", results],
            env={**os.environ, "MCP_TARGET": target, "MCP_TOKEN": token or ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_S,
        )
        checks = read_checks(Path(results))
    if not checks:
        raise AssertionError(f"the suite checked nothing:\n{done.stdout}{done.stderr}")
    return checks


def run_authorization(issuer, client_id, resource, port, approve):
    """Run what the newer release asks of an authorization server, and give every check.

    The client's redirect URI is /callback at that port. `approve` is given the URL that a browser
    should open, while the suite waits at its port for what comes.
    """
    known = ["--url", issuer, "--client-id", client_id, "--resource", resource]
    with tempfile.TemporaryDirectory() as results:
        words = [*command(NEXT), "authorization", *known, "-p", str(port), "-o", results]
        said, link = [], None
        with subprocess.Popen(  # noqa: S603 - what package.json pins
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            for line in process.stdout:
                said.append(line)
                if line.startswith(f"{issuer}/"):
                    link = line.strip()
                if line.startswith("Callback server started"):
                    approve(link)
        checks = read_checks(Path(results))
    if not checks:
        raise AssertionError(f"the suite checked nothing:\n{''.join(said)}")
    return checks


def command(package, *, with_token=False):
    """Give the words that start a release; the bearer header comes by a preload."""
    if not (MODULES / package).is_dir():
        raise AssertionError("the suite is not installed: run scripts/conformance install")
    preload = ["--import", FOLDER / "bearer.mjs"] if with_token else []
    return [MODULES / ".bin" / "node", *preload, MODULES / package / "dist" / "index.js"]


def read_checks(folder):
    """Give every check below a folder of results, scenario by scenario."""
    return [
        Check(
            # The folder's name is that of the scenario with the kind before and the time after.
            re.sub(r"^(authorization-)?server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name),
            check["id"],
            check["status"],
            check.get("errorMessage") or check["description"],
        )
        for path in sorted(folder.rglob("checks.json"))
        for check in json.loads(path.read_text())
    ]


def count(checks):
    """Give how many scenarios there were, and how many checks of each status."""
    return len({check.scenario for check in checks}), Counter(check.status for check in checks)


def find_faults(checks):
    """Give the checks that did not pass; a warning did not."""
    return [check for check in checks if check.status not in GOOD]
