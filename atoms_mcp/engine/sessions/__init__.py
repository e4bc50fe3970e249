"""The sessions of the handshake revisions, and their event streams."""
