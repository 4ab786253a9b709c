"""`make bench`: every figure of a cluster beside the limits of the machine that it ran on."""
