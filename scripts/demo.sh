#!/bin/sh
# A walk through the server by curl: sign in, status, list, create, and how refusals look.
# Usage: scripts/demo.sh [URL]    (default http://127.0.0.1:8000, as scripts/start prints it)
set -eu
url=${1:-http://127.0.0.1:8000}
email=${ATOMS_DEMO_EMAIL:-ada@acme.example}
password=${ATOMS_DEMO_PASSWORD:-correct-horse-demo}

step() { printf '\n== %s\n' "$1"; }
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
call() { # call TOKEN TOOL ARGUMENTS
    curl --silent --show-error "$url/api/mcp/tools/call" -H "Authorization: Bearer $1" \
        -H 'Content-Type: application/json' -d "{\"tool\": \"$2\", \"arguments\": $3}"
    echo
}

step "Sign in as $email"
login=$(curl --silent --show-error --fail "$url/auth/login" -H 'Content-Type: application/json' \
    -d "{\"email\": \"$email\", \"password\": \"$password\"}")
token=$(echo "$login" | member access_token)
echo "expires_in: $(echo "$login" | member expires_in)"

step "Who am I?"
curl --silent --show-error "$url/auth/status" -H "Authorization: Bearer $token"
echo

step "List the projects"
call "$token" entity_tool '{"operation": "list", "entity_type": "project"}'

step "Create a requirement"
call "$token" entity_tool '{"operation": "create", "entity_type": "requirement", "parent": "VEH-DOC-1",
    "data": {"title": "Horn", "description": "When the driver presses the horn, the vehicle shall sound it."}}'

step "A wrong password"
curl --silent --show-error --write-out '\nHTTP %{http_code}\n' "$url/auth/login" \
    -H 'Content-Type: application/json' -d "{\"email\": \"$email\", \"password\": \"wrong\"}"

step "An expired token"
expired=eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJub2JvZHkiLCJleHAiOjF9.c2lnbmF0dXJl
curl --silent --show-error --include "$url/api/mcp" -H "Authorization: Bearer $expired" \
    -H 'Content-Type: application/json' -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' |
    tr -d '\r' | grep -iE '^HTTP|^www-authenticate|"error"'
