"""Whether the Supabase project is ready for the server.

Source: Supabase Auth (`/settings`, the key set) and PostgREST's errors.
"""

from collections.abc import Mapping

from atoms_mcp.doctor.clock import judge_clock
from atoms_mcp.doctor.finding import Finding, fault, good, note, warning
from atoms_mcp.doctor.visit import Answer, Visitor

SUBJECT = "Supabase"
KEYS = "signing keys"
SCHEMA = "migrations"
OK = 200
# One table of the first migration, and the one that connected apps are kept in.
TABLES = ("organizations", "mcp_grants")
MISSING = {"PGRST205", "42P01"}


async def examine_project(visitor: Visitor, url: str, anon_key: str) -> list[Finding]:
    """Look at the project's settings, keys and tables, with the publishable key.

    Raises:
        Unreachable: nobody answers at `url`.
    """
    headers = {"apikey": anon_key}
    settings = await visitor.ask("GET", f"{url}/auth/v1/settings", headers=headers)
    findings = [judge_settings(settings)]
    if settings.status != OK:
        return findings
    findings.append(judge_clock("Supabase", settings))
    jwks = await visitor.ask("GET", f"{url}/auth/v1/.well-known/jwks.json", headers=headers)
    findings.append(judge_keys(jwks))
    for table in TABLES:
        answer = await visitor.ask(
            "GET", f"{url}/rest/v1/{table}?select=id&limit=0", headers=headers
        )
        findings.append(judge_table(table, answer))
    return findings


def judge_settings(answer: Answer) -> Finding:
    """Judge whether the key is right, and whether people can sign in at all."""
    settings = answer.parse()
    if answer.status != OK or settings is None:
        fix = "Check NEXT_PUBLIC_SUPABASE_URL and NEXT_PUBLIC_SUPABASE_ANON_KEY."
        return fault(SUBJECT, f"its settings are answered {answer.status}", fix)
    external = settings.get("external")
    enabled = external if isinstance(external, Mapping) else {}
    ways = sorted(name for name, is_on in enabled.items() if is_on is True)
    if not ways:
        fix = "Enable email or a provider under Authentication in the project."
        return fault(SUBJECT, "no way to sign in is enabled", fix)
    return good(SUBJECT, f"people sign in by {', '.join(ways)}")


def judge_keys(answer: Answer) -> Finding:
    """Judge the published keys."""
    keys = (answer.parse() or {}).get("keys")
    if answer.status != OK or not isinstance(keys, list):
        fix = "Tokens cannot be checked without it; is the URL the project's own?"
        return fault(KEYS, f"the key set is answered {answer.status}", fix)
    if not keys:
        fix = "Set ATOMS_JWT_SECRET, or move to asymmetric keys; else Supabase is asked each time."
        return note(KEYS, "the project signs by a shared secret (HS256)", fix)
    algorithms = {str(key.get("alg")) for key in keys if isinstance(key, Mapping)}
    return good(KEYS, f"{len(keys)} published ({', '.join(sorted(algorithms))})")


def judge_table(table: str, answer: Answer) -> Finding:
    """Judge whether a table is there; nobody may read it without signing in."""
    code = (answer.parse() or {}).get("code")
    if code in MISSING:
        fix = "Run: atoms-mcp schema --write supabase/migrations, then: supabase db push."
        lost = "connected apps cannot be listed" if table == "mcp_grants" else "no tool can work"
        return (warning if table == "mcp_grants" else fault)(
            SCHEMA, f"the table {table} is missing: {lost}", fix
        )
    if answer.status == OK:
        fix = "Row-level security or the grants are not those of the migrations; apply them."
        return fault(SCHEMA, f"the table {table} can be read by everybody", fix)
    if answer.status in {401, 403}:
        return good(SCHEMA, f"the table {table} is there, and closed to strangers")
    fix = "The project's log says more."
    return fault(SCHEMA, f"the table {table} is answered {answer.status} {code or ''}", fix)
