"""The report card: every scenario of the catalogue graded, method by method."""
