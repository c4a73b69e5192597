"""RFC 5322 bytes: composing them, and reading them."""
