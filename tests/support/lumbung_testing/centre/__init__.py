"""A DRC node, a real process, and 514 offices that call it: nodes without a disk, in a few processes."""
