"""Doubles and fault tools that the test suites share."""
