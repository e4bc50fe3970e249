"""The only HTTP client: Supabase Auth and PostgREST."""
