"""Worlds fitted to published numbers: first what is possible at all, then bisection."""
