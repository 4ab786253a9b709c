"""A whole cluster on this machine's loopback: made in one folder, run as separate processes."""
