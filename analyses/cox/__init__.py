"""Cox regression: risk sets on slots, the partial likelihood, and what comes after a fit."""
