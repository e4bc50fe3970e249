"""Tool calls that go on after their answer."""
