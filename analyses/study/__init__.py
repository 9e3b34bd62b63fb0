"""The study as a document: TOML in, a checked value out, and back."""
