"""Figures of the running system beside the machine's own limits, in one run."""

import os

# Before anything imports gRPC: nodes that are stopped on purpose are no news between the lines of a progress.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
