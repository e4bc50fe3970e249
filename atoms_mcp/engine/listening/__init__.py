"""Who listens for what changes, and how each change reaches all of them."""
