"""Ports: what the services need of the world, as Protocols. Adapters and the simulator's doubles implement them."""
