"""Adapters: the only code that touches disk, network, clock, keys and randomness."""
