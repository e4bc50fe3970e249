"""OAuth 2.1 as rules, one file per question."""
