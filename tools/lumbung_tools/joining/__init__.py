"""How a machine becomes a node: its keys and request, the draft that admits it, its pack, and the join itself."""
