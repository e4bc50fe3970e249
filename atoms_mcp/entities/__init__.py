"""The domain as data and pure functions."""
