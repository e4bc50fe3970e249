"""What the commands print once they are ready, with lines that can be pasted into a shell."""

import json

from atoms_mcp.app import StackFacts
from atoms_mcp.web.guides import TAKE_TOKEN

DEMO_PASSWORD = "correct-horse-demo"  # noqa: S105 - public on purpose
DEMO_ACCOUNTS = (
    ("ada@acme.example", "owner of Acme; project VEH has documents and requirements"),
    ("vic@acme.example", "viewer in Acme: may read VEH, not change it"),
    ("bob@umbrella.example", "owner of Umbrella, shares nothing with Acme"),
)
JSON = "-H 'Content-Type: application/json'"
CALL = '{"tool":"entity_tool","arguments":{"operation":"list","entity_type":"project"}}'


def render_stack(stack: StackFacts) -> str:
    """Give the embedded stack's address and key, as lines for an environment."""
    return (
        f"NEXT_PUBLIC_SUPABASE_URL={stack.url}\n"
        f"NEXT_PUBLIC_SUPABASE_ANON_KEY={stack.anon_key}\n"
        f"# psql '{stack.dsn}'\n# Ctrl-C stops the gateway and PostgreSQL."
    )


def render_stack_json(stack: StackFacts) -> str:
    """Give the same and PostgreSQL's process id as one line of JSON, for programs."""
    return json.dumps(
        {
            "url": stack.url,
            "anon_key": stack.anon_key,
            "dsn": stack.dsn,
            "postgres_pid": stack.postgres_pid,
        }
    )


def render_ready(mcp_url: str, stack: StackFacts, *, took_s: float, with_demo: bool) -> str:
    """Give what a newcomer needs next: where it is, who may sign in, and two lines to paste."""
    base = "/".join(mcp_url.split("/")[:3])
    email, password = (DEMO_ACCOUNTS[0][0], DEMO_PASSWORD) if with_demo else ("EMAIL", "PASSWORD")
    sign_in = f"curl -s {base}/auth/login -d email={email} -d password={password}"
    call = f"{mcp_url}/tools/call -H \"Authorization: Bearer $TOKEN\" {JSON} -d '{CALL}'"
    lines = [
        "",
        f"atoms-mcp is ready ({took_s:.1f} s).",
        "",
        f"  MCP URL        {mcp_url}  (paste it into a client and press Authenticate)",
        f"  Step by step   {base}/",
        f"  Supabase       {stack.url}  (embedded; data and keys in {stack.state_dir})",
        f"  Its mails      {stack.url}/mail",
        "",
        *(_demo() if with_demo else _sign_up(base)),
        "",
        "Sign in:",
        f"  TOKEN=$({sign_in} | {TAKE_TOKEN})",
        "",
        "Call a tool:",
        f"  curl -s {call}",
        "",
        "Ctrl-C stops all of it.",
        "",
    ]
    return "\n".join(lines)


def _demo() -> list[str]:
    width = max(len(email) for email, _ in DEMO_ACCOUNTS)
    return [
        f"Demo accounts (password {DEMO_PASSWORD}):",
        *(f"  {email:{width}}  {what}" for email, what in DEMO_ACCOUNTS),
    ]


def _sign_up(base: str) -> list[str]:
    return [f"No accounts yet; make one: {base}/sign-up"]
