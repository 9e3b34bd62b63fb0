"""Worlds as documents: read, checked, hashed."""
