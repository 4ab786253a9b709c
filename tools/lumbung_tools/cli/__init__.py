"""The `lumbung` command, one module for each group."""
