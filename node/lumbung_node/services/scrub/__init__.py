"""The scrub: reads everything that is kept, holds rows, feeds, lists and counts against each other, mends.

looking     some numbers of one feed with all that belongs to them, lost or not
reading     the bytes, in steps, making room for people
diagnosis   one number at which something is wrong: what it is, and what to commit
mending     one commit for all that is to be done about some numbers
census      all blob rows of an origin: numbers without a feed row, rows without a number, and what they add up to
walking     one origin's feed from number to number, and all that is held together behind the last one
scrubber    passes over all origins, cursor, pace; start, pause and confirm
"""
