"""Disk bundles as files: written, read and looked at by the tool; the node never sees the disk."""
