"""Exact Cox regression between owners: every site keeps its records and sends sums."""
