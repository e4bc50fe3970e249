"""What is said to a client, and asked of it, while its request is worked on."""
