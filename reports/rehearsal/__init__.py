"""Rehearsals: the plan of a study run many times where the truth is known."""
