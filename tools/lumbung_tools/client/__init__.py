"""The client library: what a station or an operator asks of a node, under trio and above the transport port."""
