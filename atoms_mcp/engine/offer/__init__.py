"""What a server offers: tools, resources and prompts as data, checked and made ready."""
