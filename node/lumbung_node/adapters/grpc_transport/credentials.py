"""gRPC's server credentials: a client certificate is required, and ours can be renewed without a restart."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from lumbung_node.adapters.grpc_transport.identity import TlsIdentity

__all__ = ["server_credentials"]


def server_credentials(current: Callable[[], TlsIdentity]) -> grpc.ServerCredentials:
    """Credentials that follow `current`. It is asked on gRPC's threads at each handshake: it must only look."""
    used = current()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal used
        tls = current()
        if tls is used:
            return None  # gRPC goes on with what it has; otherwise it would parse the certificates at each handshake
        used = tls
        return _configuration(tls)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(used),
        fetch,  # type: ignore[arg-type]  # the stubs leave None out
        require_client_authentication=True,
    )


def _configuration(tls: TlsIdentity) -> grpc.ServerCertificateConfiguration:
    pairs = [(tls.private_key_pem, tls.certificate_chain_pem)]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=tls.trust_roots_pem)
