"""Outcomes: hazards along a woman's own life, event times, and integrals of known hazards."""
