"""What people type: the lumbung command, sealing, the demo cluster and benchmarks."""
