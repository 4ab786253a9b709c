"""One running node: ports, services under trio, and the adapters that touch the world."""
