"""What is true in a world, as numbers that an estimate can be held against."""
