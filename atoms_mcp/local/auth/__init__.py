"""The Auth half of the gateway: the part of Supabase Auth's contract that is used here."""
