"""The cluster's mind: pure decisions about blobs, feeds, receipts, rosters and placement, without any I/O."""
