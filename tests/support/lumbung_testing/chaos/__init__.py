"""Real faults on real node processes: one module a family, run by tests/chaos/run.py (`make chaos`)."""
