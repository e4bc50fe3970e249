"""The REST half of the gateway: the part of PostgREST's contract that is used here."""
