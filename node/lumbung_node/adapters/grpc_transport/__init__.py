"""The transport port over gRPC with mutual TLS: grpc.aio in a thread of its own beside trio (decision 0002)."""

from __future__ import annotations

import os

# TLS 1.3 only. gRPC has no option for it, and reads this variable (for TLS 1.2 alone) when it is first imported: hence
# a side effect of an import, here where nobody can forget it. The suite needs an RSA certificate and ours are ECDSA, so
# that no TLS 1.2 handshake finds a cipher; those of TLS 1.3 are not touched.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
# Otherwise any stranger who connects writes a line into the node's log for each handshake that fails.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.server import GrpcListener
from lumbung_node.adapters.grpc_transport.transport import GrpcTransport, check_tls, grpc_transport

__all__ = ["GrpcListener", "GrpcTransport", "TlsIdentity", "check_tls", "grpc_transport"]
