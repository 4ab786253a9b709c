"""Anti-entropy between two holders of an origin: find what differs, move it, prove that nothing is left."""
