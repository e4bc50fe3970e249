"""PostgreSQL from a wheel: found, started, prepared, kept running and stopped."""
