"""What a client can ask for, one operation a module."""
