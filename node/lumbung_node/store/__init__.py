"""The store: blobs, feeds, marks and proofs, written once above the key-value port.

One rule holds everything together: nothing is acknowledged, announced, signed or counted before the sync that covers
it has returned. `Committer` is the only writer of rows; readers see nothing behind the durable end of a feed.
"""
