"""Speed and memory beside the peers, by hand: ``python3 -m tests.benchmarks``."""
