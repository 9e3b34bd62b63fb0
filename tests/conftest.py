"""Hypothesis as CI wants it: the same examples every time, and no clock."""

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")
