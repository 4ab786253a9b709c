"""Keys in files: Ed25519 for signatures, ECDSA P-256 certificates for TLS, age identities for opening blobs."""
