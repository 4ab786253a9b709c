"""A session: the symmetric replication stream between two holders.

link        frames over one stream, sent whole and in turn
greeting    Hello: versions, generations, marks; who may go on
outgoing    offers from the own feeds, bytes for what is wanted, marks and receipts that come back
incoming    offers from the peer: what is lacking, verified, committed, answered with mark and receipt
proving     questions for proof, withdrawals and needs
session     the parts put together
"""
