"""`make bench-scale`: what a million blobs, and ten million rows, make of one node."""
