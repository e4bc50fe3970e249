import base64
import json

import pytest

from atoms_mcp.errors import ConfigError
from atoms_mcp.settings import (
    PUBLIC_JWT_SECRET,
    ServerSettings,
    StackSettings,
    is_loopback,
    is_service_key,
    load,
    rows,
)

PROJECT = {
    "NEXT_PUBLIC_SUPABASE_URL": "https://abc.supabase.co",
    "NEXT_PUBLIC_SUPABASE_ANON_KEY": "sb_publishable_abc",
}


def faults(environ, settings=ServerSettings):
    with pytest.raises(ConfigError) as caught:
        load(settings, environ)
    return caught.value.faults


def legacy_key(role):
    parts = [{"alg": "HS256"}, {"iss": "supabase", "role": role}]
    return ".".join(
        [
            *(
                base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode()
                for p in parts
            ),
            "s",
        ]
    )


@pytest.mark.requirement("http-loopback")
def test_two_variables_are_enough_to_serve_a_project():
    settings = load(ServerSettings, PROJECT)

    assert settings.supabase_url == "https://abc.supabase.co"
    assert (settings.host, settings.port, settings.http_path) == ("127.0.0.1", 8000, "/api/mcp")
    assert settings.auth_mode == "simple"


@pytest.mark.parametrize(
    ("url_name", "key_name"),
    [("SUPABASE_URL", "SUPABASE_ANON_KEY"), ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY")],
)
def test_the_other_names_of_a_setting_are_read_too(url_name, key_name):
    settings = load(ServerSettings, {url_name: "https://abc.supabase.co/", key_name: "k"})

    assert settings.supabase_url == "https://abc.supabase.co"
    assert settings.supabase_anon_key.get_secret_value() == "k"


def test_all_faults_are_told_at_once_and_each_says_what_to_set():
    told = faults({"ATOMS_FASTMCP_PORT": "many", "ATOMS_FASTMCP_AUTH_MODE": "open"})

    assert len(told) == 4
    assert any(
        "NEXT_PUBLIC_SUPABASE_URL is not set: URL of the Supabase project" in t for t in told
    )
    assert any("NEXT_PUBLIC_SUPABASE_ANON_KEY is not set" in t for t in told)
    assert any(t.startswith("ATOMS_FASTMCP_PORT: ") for t in told)
    assert any("'simple', 'bearer', 'jwt' or 'delegated'" in t for t in told)


def test_a_misspelt_setting_is_refused_with_the_name_that_was_meant():
    assert faults(PROJECT | {"ATOMS_FASTMCP_PROT": "8000"}) == (
        "ATOMS_FASTMCP_PROT is not a setting; did you mean ATOMS_FASTMCP_PORT?",
    )


def test_a_name_like_no_setting_is_refused_without_a_guess():
    assert faults(PROJECT | {"ATOMS_": "1"}) == ("ATOMS_ is not a setting",)


def test_an_empty_value_counts_as_unset_and_spaces_around_a_value_do_not_count():
    settings = load(
        ServerSettings, PROJECT | {"ATOMS_FASTMCP_HOST": "", "ATOMS_FASTMCP_PORT": " 9000\n"}
    )

    assert settings.host == "127.0.0.1"
    assert settings.port == 9000


def test_the_settings_of_the_process_never_leak_into_what_was_handed_over(monkeypatch):
    monkeypatch.setenv("ATOMS_FASTMCP_PORT", "9999")

    assert load(ServerSettings, PROJECT).port == 8000


@pytest.mark.parametrize("key", ["sb_secret_abc", legacy_key("service_role")])
def test_a_key_that_passes_row_level_security_is_refused(key):
    told = faults(PROJECT | {"NEXT_PUBLIC_SUPABASE_ANON_KEY": key})

    assert "row-level security" in told[0]
    assert key not in told[0]


@pytest.mark.parametrize("key", ["sb_publishable_abc", legacy_key("anon"), "a.b.c", "x.W10.y"])
def test_any_other_key_is_not_taken_for_a_service_key(key):
    assert not is_service_key(key)


def test_on_an_address_others_can_reach_limits_stay_on_and_a_key_is_needed():
    told = faults(PROJECT | {"ATOMS_FASTMCP_HOST": "0.0.0.0", "ATOMS_RATE_LIMITS": "off"})

    assert any("ATOMS_RATE_LIMITS=off is refused" in t for t in told)
    assert any("ATOMS_SECRET_KEY is needed" in t for t in told)


def test_the_jwt_secret_of_every_local_supabase_is_refused_for_a_real_project():
    told = faults(PROJECT | {"ATOMS_JWT_SECRET": PUBLIC_JWT_SECRET})

    assert "anybody can sign" in told[0]


def test_the_jwt_secret_of_every_local_supabase_does_for_a_local_one():
    local = PROJECT | {"NEXT_PUBLIC_SUPABASE_URL": "http://127.0.0.1:54321"}

    assert load(ServerSettings, local | {"SUPABASE_JWT_SECRET": PUBLIC_JWT_SECRET}).jwt_secret


def test_several_secret_keys_are_read_newest_first():
    settings = load(ServerSettings, PROJECT | {"ATOMS_SECRET_KEY": f"{'n' * 32}, {'o' * 32}"})

    assert [key.get_secret_value()[0] for key in settings.secret_key] == ["n", "o"]


def test_a_short_secret_key_is_refused():
    assert "32 characters" in faults(PROJECT | {"ATOMS_SECRET_KEY": "short"})[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEXT_PUBLIC_SUPABASE_URL", "abc.supabase.co"),
        ("NEXT_PUBLIC_SUPABASE_URL", "https://abc.supabase.co/?x=1"),
        ("NEXT_PUBLIC_SUPABASE_URL", "https://user@abc.supabase.co"),
        ("ATOMS_FASTMCP_BASE_URL", "https://mcp.example.com/atoms"),
        ("ATOMS_FASTMCP_HTTP_PATH", "api/mcp"),
        ("ATOMS_FASTMCP_HTTP_PATH", "/api/mcp/"),
        ("ATOMS_FASTMCP_HTTP_PATH", "/"),
        ("ATOMS_FASTMCP_HTTP_PATH", "/a/../b"),
        ("ATOMS_FASTMCP_HTTP_PATH", "/a{b"),
        ("ATOMS_FASTMCP_HTTP_PATH", "/api/mcp?x=1"),
        ("ATOMS_FASTMCP_HTTP_PATH", "/oauth/token"),
        ("ATOMS_FASTMCP_BASE_URL", "https://mcp.example.com:abc"),
        ("ATOMS_FASTMCP_BASE_URL", "https://mcp.example.com:99999"),
        ("ATOMS_FASTMCP_BASE_URL", "https://[::1"),
        ("ATOMS_FASTMCP_BASE_URL", "https://mcp.example.com:0"),
        ("ATOMS_ALLOWED_HOSTS", "h:99999"),
        ("ATOMS_ALLOWED_HOSTS", "good.example,https://mcp.example.com"),
        ("ATOMS_ALLOWED_HOSTS", "mcp.example.com/api"),
        ("ATOMS_ALLOWED_HOSTS", "[::zz]"),
        ("ATOMS_ALLOWED_HOSTS", "*"),
        ("ATOMS_LOGIN_FAILURES_PER_ACCOUNT", "often"),
        ("ATOMS_FASTMCP_PORT", "70000"),
        ("ATOMS_MAX_BODY_BYTES", "1"),
        ("ATOMS_UPSTREAM_TOTAL_S", "0"),
        ("ATOMS_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("ATOMS_THEME_ACCENT", "blue"),
        ("ATOMS_THEME_ACCENT", "#12345"),
    ],
)
def test_a_value_out_of_bounds_names_its_setting(name, value):
    told = faults(PROJECT | {name: value})

    assert len(told) == 1
    assert told[0].startswith(f"{name}: ")


def test_a_url_among_the_hosts_is_refused_with_what_to_leave_out():
    told = faults(PROJECT | {"ATOMS_ALLOWED_HOSTS": "https://mcp.example.com"})

    assert "leave out https://" in told[0]


@pytest.mark.parametrize("host", ["mcp.example.com", "h:8443", "[::1]:8000", "10.0.0.1", "[::1]"])
def test_hosts_are_taken_as_a_header_names_them(host):
    settings = load(ServerSettings, PROJECT | {"ATOMS_ALLOWED_HOSTS": f"{host}, other.example"})

    assert settings.allowed_hosts == (host, "other.example")


def test_the_embedded_stack_needs_no_setting_at_all():
    assert load(StackSettings, {}).gateway_port == 54321


def test_a_setting_of_the_server_is_no_fault_for_the_stack():
    assert load(StackSettings, PROJECT | {"ATOMS_FASTMCP_PORT": "1"}).fsync == "on"


def test_secrets_do_not_appear_when_settings_are_printed():
    secret = "s" * 40
    settings = load(
        ServerSettings,
        PROJECT | {"ATOMS_SECRET_KEY": secret, "ATOMS_ACCESS_TOKEN": secret},
    )

    assert secret not in repr(settings)
    assert "sb_publishable_abc" not in repr(settings)


def test_every_setting_has_one_row_and_says_what_it_is():
    table = list(rows())

    assert len({row.name for row in table}) == len(table)
    assert all(row.help.endswith(".") for row in table)
    assert [row.name for row in table if row.default is None] == list(PROJECT)
    assert {row.name for row in table if row.is_secret} == {
        "NEXT_PUBLIC_SUPABASE_ANON_KEY",
        "ATOMS_JWT_SECRET",
        "ATOMS_SECRET_KEY",
        "ATOMS_ACCESS_TOKEN",
        "ATOMS_REDIS_URL",
    }


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("example.com", False),
        ("192.168.0.2", False),
    ],
)
def test_loopback_is_this_machine_itself(host, expected):
    assert is_loopback(host) is expected
