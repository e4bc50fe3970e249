from supabase_double import _no_waiting_between_tries, clock, supabase  # noqa: F401 - fixtures
