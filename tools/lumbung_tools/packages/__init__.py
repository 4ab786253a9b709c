"""Synthetic enrollment packages: real parts in realistic sizes, drawn by the program, of nobody."""
