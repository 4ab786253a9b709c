"""Figures of the running system beside the machine's own limits, in one run."""
