"""Doors for the file formats and databases that registers deliver, one file a family."""
