"""Seeds of replicates: each has a stream of its own."""

from hashlib import blake2b

SEED_BITS = 63


def replicate_seed(root: int, study: str, scenario: str, replicate: int) -> int:
    """The seed of a replicate, 0 to 2^63 - 1: BLAKE2b of ``root|study|scenario|replicate``.

    It depends on nothing else, so that adding scenarios or replicates changes no other draw.
    """
    text = f"{root}|{study}|{scenario}|{replicate}"
    digest = blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> (64 - SEED_BITS)
