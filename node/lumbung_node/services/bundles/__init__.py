"""Disk bundles at the node: streamed out for a holder, taken in by the same commit path, receipts counted at home."""
