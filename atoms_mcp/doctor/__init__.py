"""Walking through a running server as a client would, and saying what is wrong with it."""
