"""Backups of keys: an archive under a passphrase, as a file or on paper."""
