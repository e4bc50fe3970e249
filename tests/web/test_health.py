from supabase_double import answering

HEALTH = "/auth/v1/health"


async def test_a_living_process_says_so_whatever_is_wrong_elsewhere(supabase, web):
    supabase.faults[HEALTH] = answering(503)

    answer = await web.ask("GET", "/healthz")

    assert answer.status == 200
    assert answer.told == {"status": "ok"}
    assert supabase.seen == []


async def test_it_is_ready_while_supabase_is_well(web):
    answer = await web.ask("GET", "/readyz")

    assert answer.status == 200
    assert answer.told["status"] == "ready"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_it_is_not_ready_without_supabase_and_recovers(supabase, web, clock):
    supabase.faults[HEALTH] = answering(503)
    answer = await web.ask("GET", "/readyz")
    assert answer.status == 503
    assert answer.told["checks"] == {
        "supabase_auth": "down",
        "signing_keys": "ok",
        "store": "ok",
    }

    supabase.faults.clear()
    clock.now += 2
    assert (await web.ask("GET", "/readyz")).status == 200


async def test_it_is_not_ready_while_it_stops(web):
    web.readiness.drain()

    answer = await web.ask("GET", "/readyz")

    assert answer.status == 503
    assert answer.told == {"status": "not_ready", "checks": {"server": "draining"}}
    assert (await web.ask("GET", "/healthz")).status == 200
