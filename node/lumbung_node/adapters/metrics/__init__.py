"""Metrics for Prometheus: what is counted, its page, and the small HTTP server that shows it."""
