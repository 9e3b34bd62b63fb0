"""Published tables: exact and approximate ratios, and their pooling."""
