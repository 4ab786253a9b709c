"""Hostile input by structure: valid samples, mutations of bytes and fields, and what each reader may do with them."""
