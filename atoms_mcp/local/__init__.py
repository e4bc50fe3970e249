"""The embedded stack; it meets the rest only on the wire."""
