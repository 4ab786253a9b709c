"""The transport port over gRPC with mutual TLS: grpc.aio in a thread of its own beside trio (decision 0002)."""

from __future__ import annotations

from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.server import GrpcListener
from lumbung_node.adapters.grpc_transport.transport import GrpcTransport, grpc_transport

__all__ = ["GrpcListener", "GrpcTransport", "TlsIdentity", "grpc_transport"]
