"""Curves along time and what is read from them, without a model."""
