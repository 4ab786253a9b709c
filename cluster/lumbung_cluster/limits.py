"""Every bound in one place, each with its reason. Units stand last in the names."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

# --- sizes -----------------------------------------------------------------------------------------------------
BLOB_SIZE_BYTES_MAX: Final = GIB  # 64 MiB is the largest enrollment seen; 1 GiB keeps every run of chunks bounded
PLAINTEXT_SIZE_BYTES_MAX: Final = GIB - MIB  # leaves room for the age header and 16 B for each 64 KiB
CHUNK_SIZE_BYTES: Final = MIB  # measured best for RocksDB: one GIL hold of 7 ms, 200 MB/s
PIECE_SIZE_BYTES_MAX: Final = MIB  # one chunk; from 256 KiB up the cost of a message is noise
PIECE_SIZE_BYTES_MIN: Final = 16 * KIB  # one second of a 128 kbit/s line
FRAME_HEADER_SIZE_BYTES_MAX: Final = 128 * KIB  # an Offer of 32 full lists is 61 KiB and its entries 2 KiB
MESSAGE_SIZE_BYTES_MAX: Final = PIECE_SIZE_BYTES_MAX + FRAME_HEADER_SIZE_BYTES_MAX + 4
OFFER_ALONG_BYTES_MAX: Final = 2 * MIB  # bytes that go along with an offer: what gRPC keeps of a stream anyway
SESSION_MESSAGE_SIZE_BYTES_MAX: Final = OFFER_ALONG_BYTES_MAX + FRAME_HEADER_SIZE_BYTES_MAX + 4
ROSTER_SIZE_BYTES_MAX: Final = 900 * KIB  # 600 nodes x about 1 KB of keys and addresses; fits one message
METADATA_SIZE_BYTES_MAX: Final = KIB  # of a blob: its record tag and plaintext tag, nothing personal
CALL_METADATA_SIZE_BYTES_MAX: Final = 8 * KIB  # gRPC headers; the absolute bound, not the soft one

# --- groups and windows ----------------------------------------------------------------------------------------
LIST_ENTRIES_MAX: Final = 32  # entries under one signature: about 1.8 KB, one Ed25519 operation each
COMMIT_BLOBS_MAX: Final = 256  # blobs in one group commit: 8 signed lists
COMMIT_BYTES_MAX: Final = 8 * MIB  # chunk bytes in one write batch: bounds memory and the GIL hold
MESSAGES_WAITING_MAX: Final = 256  # of one direction of a call, however small they are
READ_REQUEST_BYTES_MAX: Final = KIB  # a name is 45 bytes; large ones would fill a window of theirs beside the answers
READ_REQUESTS_WAITING_MAX: Final = 16  # of a stream; a long line needs no more, and each costs before it is answered
FRAME_PARTS_MAX: Final = 256  # blob parts in one wire frame
OFFER_ENTRIES_MAX: Final = 256  # entries in one offer; its want bitmap is 32 B
RECEIPT_IDS_MAX: Final = 256  # ids under one commit receipt
PROVE_IDS_MAX: Final = 256  # ids in one request for proof
PUT_BLOBS_OPEN_MAX: Final = 512  # blobs of one put stream without a first answer
PUT_BLOBS_WAITING_MAX: Final = 65_536  # durable blobs of one stream that wait for copies: about 30 MiB
LIST_ROWS_MAX: Final = 1000  # rows of one page of `ls`
ANSWER_NODES_MAX: Final = 16  # holders named in one answer
HELLO_MARKS_MAX: Final = 1024  # origins that two nodes can share: 514 and room
ROSTER_NODES_MAX: Final = 4096
ROSTER_CUSTODIANS_MAX: Final = 16
STAGING_BYTES_MAX: Final = 4 * GIB  # large blobs under way from all peers together: a few of the largest size
STAGING_ORIGIN_BYTES_MAX: Final = 2 * GIB  # of one origin: two of the largest size; half is left for the others
STREAM_MEMORY_BYTES_MAX: Final = 8 * MIB  # unwritten bytes of one incoming stream
FOREIGN_MEMORY_BYTES_MAX: Final = 24 * MIB  # the same for what peers bring: a slow peer never stops own recording
INGEST_MEMORY_BYTES_MAX: Final = 16 * MIB  # unwritten bytes of own puts, shared by all: VmHWM stays under 256 MiB
PUT_MEMORY_BLOB_BYTES_MAX: Final = 2 * MIB  # a larger one goes to disk as it comes and buffers a chunk and a frame
PUT_MEMORY_RESERVE_BYTES: Final = 2 * MIB  # of each caller, for one blob: no other station can stop its recording
PUT_RESERVES_MAX: Final = 16  # stations of an office that record at the same moment: 32 MiB; more of them share
PUT_MEMORY_CALLER_BYTES_MAX: Final = 8 * MIB  # of what is shared: a commit's worth, and half is left for the others
PUT_RATE_WINDOW_S: Final = 40.0  # over which a put's rate is judged: frames are at most BLOB_SILENCE_S apart

# --- slots -----------------------------------------------------------------------------------------------------
CALLS_PER_PEER_MAX: Final = 16  # open calls of one caller; a global bound alone let one peer starve everybody
STREAMS_OWN: Final = 3  # open streams that every caller may have, whatever the others do: a session, a put, a read
STREAMS_SHARED_MAX: Final = 40  # more of one caller, up to its 16, of all together: a stream that nobody reads costs 7
# MiB (measured), so 20 stations that try it cost 0.7 GiB in place of 2.2; a node's service may have 1 GiB
CALLS_TOTAL_MAX: Final = 4096  # 600 sessions and the calls of stations
CONNECTIONS_UNAUTHENTICATED_S: Final = 20.0  # handshake: a satellite line needs 5 s, an idle socket gets no more

# --- patience ---------------------------------------------------------------------------------------------------
ERRORS_BURST: Final = 20  # refusals for a broken protocol that a caller gets at once: more than a day of slips
ERRORS_REFILL_PER_S: Final = 0.5
ERROR_WAIT_S_MAX: Final = 10.0  # with 16 call slots a caller gets at most 1.6 refusals a second then
ERRING_CALLERS_MAX: Final = 4096
ERROR_BYTES: Final = 4 * MIB  # of a large blob written for nothing weigh as one more refusal: 80 MiB, then 2 MiB/s
LOG_LINES_BURST: Final = 100  # of one event about one partner or caller: nobody reads more of them
LOG_LINES_PER_S: Final = 1 / 10  # then: 3 MB a day of each; a partner that is refused 100 times a second wrote 3 GB
LOG_SOURCES_MAX: Final = 4096  # events and whom they are about; who spoke longest ago is forgotten
ROSTERS_BURST: Final = 24  # that one partner brings: eight of each of a few sessions that begin one after the other
ROSTERS_PER_S: Final = 1.0  # then; one that custodians have signed takes 0.1 s of the loop to read, of 600 nodes
WORDS_BURST: Final = 400  # frames of a session that ask for work without bringing bytes: a rebuild's first questions
WITHDRAWALS_BURST: Final = 4096  # of one holder, over all its sessions: a million lost blobs are believed at once
WITHDRAWALS_PER_S: Final = 1 / 60  # then; each, and what proves its blobs again, stays on disk: 24 MB a day at most
LIVES_BURST: Final = 64  # new lives of one peer: an operator who lets units of many origins go begins one for each
LIVES_PER_S: Final = 1 / 900  # then; each may prove all anew by name, 33 MB for a million blobs that are kept for ever
CLOCK_MS_MAX: Final = 1 << 50  # 35,000 years: a peer's wall clock is taken as no more, whatever it says
HELD_MAX: Final = 1 << 50  # blobs, and bytes, of one origin: a peer has no more, so that all together can be summed
GOODBYE_S: Final = 1.0  # for the last frame of a session that we end: a line that is dead holds nothing up
WORDS_PER_S: Final = 100.0  # 25,600 ids proven a second: a million in 40 s; an endless asker costs a tenth of a core

# --- times -----------------------------------------------------------------------------------------------------
BLOB_SILENCE_S: Final = 30.0  # without a byte inside a blob, or with an unanswered request, a stream ends
DEADLINE_UNARY_S: Final = 30.0
TASK_AGAIN_S: Final = 60.0  # before a task that met a bug begins again: what it stumbled over may be gone by then
DIAL_TIMEOUT_S: Final = 20.0
BACKOFF_S_MIN: Final = 0.5
BACKOFF_S_MAX: Final = 60.0  # a hundred offices that come back together spread over a minute
STAGING_AGE_S_MAX: Final = 24 * 3600.0  # pieces of a cut blob are kept for a day
PUT_WAIT_S_DEFAULT: Final = 10.0  # the wait for copies after the last durable answer

# --- disk ------------------------------------------------------------------------------------------------------
BALLAST_SIZE_BYTES: Final = 128 * MIB  # reopening first writes up to 112 MiB of memtables: given up for that
DISK_FOREIGN_FREE_BYTES_MIN: Final = 2 * GIB  # first mark: below it foreign copies are refused
DISK_OWN_FREE_BYTES_MIN: Final = GIB  # second mark: the reserve in which only own recordings go on

LAN_RATE_BYTES_PER_S_MIN: Final = 2 * MIB  # a ping waits behind 2 MiB of one stream at most, and for one second

# --- bundles ---------------------------------------------------------------------------------------------------
BUNDLE_PART_BYTES_MAX: Final = GIB  # blob bytes in one file: below what FAT32 can hold, and one blob always fits
BUNDLE_BATCH_BYTES_MAX: Final = GIB  # a single large blob; batches of small ones stay within OFFER_BYTES_MAX
BUNDLE_PARTS_MAX: Final = 16_384  # parts of a bundle: 16 TiB; a manifest stays within one message
BUNDLE_ORIGINS_MAX: Final = 1024  # as HELLO_MARKS_MAX: 514 and room
BUNDLE_DISK_RESERVE_BYTES: Final = 2 * MIB  # kept free while a part is written: its end, the manifest, the read-me
BUNDLE_RECEIPT_BYTES: Final = 40  # kept free for each entry: the holder's receipt has to fit on a disk that is full
BUNDLE_RECEIPTS_FILE_MAX: Final = 128  # receipts in one file: 1 MiB, 32,768 recordings
BUNDLE_RECEIPTS_FRAME_MAX: Final = 64  # receipts in one message: 540 KB
BUNDLE_MEMORY_BYTES_MAX: Final = 16 * MIB  # of all imports together: a peer's share of foreign memory is left
BUNDLE_OFFERS_OPEN_MAX: Final = 4  # of one import: two commits under way while the next bytes come, 16 MiB at most
BUNDLE_SYNC_BYTES: Final = 64 * MIB  # written between two syncs of a part: a slow disk shows its true pace
BUNDLE_EXPORTS_OPEN_MAX: Final = 2  # each holds three batches in memory, 24 MiB at most; a node has few disk ports
BUNDLES_REMEMBERED_MAX: Final = 1024  # exports whose receipts still count; the oldest is forgotten

# --- set-aside stores ------------------------------------------------------------------------------------------
SET_ASIDE_STORES_MAX: Final = 4  # a disk that spoils every fresh store is dying: more folders would only fill it
SET_ASIDE_DAMAGES: Final = 2  # a store that opens and is found damaged again within a minute is set aside, not retried
SET_ASIDE_SAME_DAMAGES: Final = 3  # in the same words, however far apart: opening again has not helped twice
SET_ASIDE_DAMAGES_KEPT: Final = 16  # words of them since the node started: more places that take turns are a dying disk
TAKEOVER_PAGE_ROWS: Final = 64  # index rows looked at between two commits: what a crash repeats
TAKEOVER_REST_S_MIN: Final = 0.005  # between two pages; else as long as the page took, so that puts have half the disk
TAKEOVER_WAIT_S: Final = 5.0  # between two looks while the disk has no room: the disk watch looks as often
TAKEOVER_TRIES_MAX: Final = 120  # at one place while the disk fails: ten minutes, then it counts as what cannot be read
REBUILD_LOOK_S: Final = 5.0  # between two looks at how far a rebuild is
REBUILD_RATE_LOOKS: Final = 13  # looks behind the rate shown: one minute

# --- sessions --------------------------------------------------------------------------------------------------
OFFER_BYTES_MAX: Final = 4 * MIB  # wanted bytes of one offer, but for a single larger blob: bounds receiver memory
AT_HAND_BYTES_MAX: Final = 2 * MIB  # of contents just verified; 4 MiB cost as much CPU, and more at the peak
OFFER_LISTS_MAX: Final = 32  # signed lists in one offer: at most 60 KiB of header when all are full
OFFERS_OPEN_PER_LANE_MAX: Final = 2  # one flows while the next is being looked up; five lanes, 40 MiB at most
MEMORY_BLOB_BYTES_MAX: Final = 8 * MIB  # a larger blob goes to disk as it comes
OFFER_GATHER_S: Final = 0.25  # a few new entries wait so long for the answer to the offer before them
OFFER_COMMIT_S: Final = 0.01  # and so long for puts that are just being made durable; flash needs 2 to 5 ms
FOREIGN_FEED_DELAY_S: Final = 2.0  # the origin offers its own entries first; others only fill what it could not
FOREIGN_FEED_REST_S_MAX: Final = 60.0  # so long holders that an origin feeds both leave it at samples of its blobs
FOREIGN_FEED_SAMPLE: Final = 16  # entries in one such sample, each FOREIGN_FEED_DELAY_S
NEEDS_WAITING_MAX: Final = 4096  # ids that a peer may ask for before we have offered them
WAITED_WAITING_MAX: Final = 4096  # puts that wait for copies and jump the queue
REFUSED_WAIT_S: Final = 30.0  # before a refused feed offer comes again, when the peer did not say when
RETRY_AFTER_S_MIN: Final = 30.0  # what a node with a full disk asks for at least: it looks at it every few seconds
RETRY_AFTER_S_MAX: Final = 120.0  # at most, whoever says it: when space returns, copies go on within two minutes
NEED_INTERVAL_S: Final = 60.0  # before what stays damaged is asked for again: the peer may have lacked it too
PROVE_INTERVAL_S: Final = 30.0  # between two looks for entries that are applied but not proven
DOUBT_INTERVAL_S: Final = 3600.0  # a peer can make us doubt our history once an hour: each doubt voids all receipts
KEY_LIVES_MAX: Final = 65_536  # lives that each retired receipt key may speak for: one an hour for 7 years; 255 keys (a
# node has at most 256) leave as many again before the last generation

# --- inventories -----------------------------------------------------------------------------------------------
INVENTORY_FOLD_ROWS_MAX: Final = 1024  # feed rows of one fold: 1.2 us each there, 5 us in batches of 64
INVENTORY_FOLD_PAUSE_S: Final = 1.0  # between two folds behind the commits: 2 ms for few rows, and nobody waits for it
INVENTORY_CHECKPOINT_ROWS: Final = 16_384  # rows of an origin between two tables on disk: a restart replays 0.1 s
INVENTORY_AUDIT_INTERVAL_S: Final = 60.0  # between two audits of one origin: each unit every hour, 0.1 s each
INVENTORY_AUDIT_PAUSE_S: Final = 1.0  # at least, between any two: a centre of 514 origins needs 9 hours for a round
INVENTORY_STOP_S: Final = 5.0  # for the tables of a clean stop: 514 origins are 77 MB
INVENTORY_TAIL_MAX: Final = 4096  # own entries that a holder may be behind and still be believed: 6 ms of lifts
INVENTORY_RECEIPT_INTERVAL_S: Final = 3600.0  # a receipt of 64 units is 2.4 KB: 58 KB a day on a line of 128 kbit/s
INVENTORY_RECEIPT_RETRY_S: Final = 60.0  # after one that did not equal our set; doubled up to the interval
INVENTORY_ANSWER_S: Final = 30.0  # for the answer, before proof is asked for id by id
INVENTORY_ASKS_WAITING_MAX: Final = 2  # a peer's questions: each costs a fold and a copy of 150 KB

# --- proofs ------------------------------------------------------------------------------------------------------
PROOFS_SAVED_NUMBERS: Final = 16_384  # proofs by name between two savings of them: a start reads these one by one
PROOFS_SAVED_RECEIPTS: Final = 2048  # the same for receipts of few blobs, 0.1 ms each

# --- reconcile -------------------------------------------------------------------------------------------------
RECONCILE_ROUNDS_MAX: Final = 8  # questions for symbols about one origin: three are enough but for bad luck and liars
RECONCILE_STRETCHES_MAX: Final = 64  # one for each unit
RECONCILE_SYMBOLS_MAX: Final = 32_768  # of one question: 288 KiB, the 64 units with 512 each
RECONCILE_UNIT_SYMBOLS_MAX: Final = 4096  # of one unit, made anew from its ids: names some 2,900 differences
RECONCILE_DEEP_UNITS_MAX: Final = 32  # units to read for one question: about 72 ms each at 15,600 ids
RECONCILE_DIFFERENCES_MAX: Final = 16_384  # named in one go: 0.5 MiB of ids; what is left is found in the next go
RECONCILE_EAGER_SYMBOLS: Final = 32  # 288 bytes: names up to about 18 differences in the first round trip
RECONCILE_IDS_PAGE_MAX: Final = 2000  # full ids in one answer: 62.5 KiB
RECONCILE_IDS_UNIT_MAX: Final = 262_144  # full ids of one unit: an origin of 16 million blobs
RECONCILE_FETCH_IDS_MAX: Final = 1024  # short ids in one Fetch: 6 KiB, and a quarter of what a repair lane may queue
RECONCILE_SETTLE_IDS_MAX: Final = 256  # short ids in one Settle; after more, the next comparison settles
RECONCILE_UNDELIVERED_MAX: Final = 512  # full ids of damaged or void blobs that a settlement leaves out: 16 KiB
RECONCILE_FINGERPRINTS_MAX: Final = 8  # origins told one by one at once: beyond, the root alone asks
RECONCILE_COMPARES_PER_MINUTE_MAX: Final = 20  # that a peer may ask for: each folds and hashes all shared origins
RECONCILE_FROZEN_MAX: Final = 32  # moments kept for askers at once, 150 KB each
RECONCILE_MENDING_MAX: Final = 8  # origins that one node mends as the asker at once
RECONCILE_ANSWER_S: Final = 120.0  # for an answer: 32 units read anew take seconds, 288 KiB at 128 kbit/s take 18
RECONCILE_ARRIVAL_S: Final = 60.0  # without one of the asked ids coming: what is left is given up for this go
RECONCILE_INTERVAL_S: Final = 3600.0  # between two comparisons of a pair that was found equal
RECONCILE_RETRY_S_MIN: Final = 2.0  # after one that was not; doubled each time
RECONCILE_RETRY_S_MAX: Final = 120.0
RECONCILE_BUSY_GOES_MAX: Final = 5  # goes that pass over an origin whose feed is under way; then it is mended
RECONCILE_AFTER_MEND_S: Final = (
    30.0  # from a scrub's repair to the comparison of its origin: gathers what comes with it
)
RECONCILE_AFTER_MEND_GOES_MAX: Final = 6  # such goes while they do not find it equal; then the hourly ones go on
RECONCILE_ORDERS_MAX: Final = 4  # on-demand orders in one session, those of callers who have gone included
RECONCILE_RUNS_WAITING_MAX: Final = 4  # operators' runs that wait for the one under way
RECONCILE_PEERS_AT_ONCE: Final = 8  # partners of one operator's run: as many as origins are mended at once
RECONCILE_REPORT_S: Final = 0.5  # between two looks of an operator's run at what has changed: he reads no faster
RECONCILE_REBUILD_SURPLUS: Final = 512  # ids more, and twice as many, than the other has: everything is offered anew

# --- flow of a session ------------------------------------------------------------------------------------------
FLIGHT_BYTES_MIN: Final = 2 * PIECE_SIZE_BYTES_MIN  # one piece on the line of 128 kbit/s while the next is handed over
FLIGHT_BYTES_START: Final = 64 * KIB  # 4 s of the slowest line; doubles with each round, so 6 rounds to 4 MiB
FLIGHT_BYTES_MAX: Final = 8 * MIB  # 10 Mbit/s and 600 ms need 0.75 MiB; more only fills windows on the way
OFFER_FLIGHTS_MAX: Final = 8  # an offer takes about 16 s of the link: long enough that its answers cost nothing
OFFERS_REFUSED_KEPT_MAX: Final = 64  # refused offers whose bytes may still be on their way: skipped, not an offence
FOREIGN_MEMORY_PEER_BYTES_MAX: Final = 8 * MIB  # of what one peer brings: one blob of the largest size in memory
FOREIGN_RATE_BYTES_PER_S_MIN: Final = 4 * KIB  # a quarter of 128 kbit/s; below it a peer yields memory to who waits
FOREIGN_HOLD_S_MAX: Final = 2048.0  # 8 MiB at that rate; a larger blob goes on where it was cut, the others begin anew
FOREIGN_HOLD_S_MIN: Final = 60.0  # before a rate is judged: two silences, or fourteen pieces of the slowest line
CLAIM_WINDOW_S: Final = 60.0  # so long a peer may bring too little of what another holder could bring
CLAIM_RATE_BYTES_PER_S_MIN: Final = KIB  # of one offer: 14 share a line of 128 kbit/s, and have 1.1 KB/s each then
CUT_KEPT_BYTES_MAX: Final = 4 * MIB  # in memory, of blobs that were cut: thirteen of 300 KiB, each up to 19 s of a line
CUT_KEPT_BYTES_MIN: Final = 64 * KIB  # 4 s of 128 kbit/s; less is not worth a place

# --- scrub -----------------------------------------------------------------------------------------------------
SCRUB_PERIOD_S: Final = 7 * 24 * 3600.0  # a promise of its own: every byte is read once in it (2 TB: 3.3 MB/s)
SCRUB_START_DELAY_S: Final = 60.0  # after a start the sessions come first
SCRUB_BUSY_SHARE_MAX: Final = 0.05  # of the time, while people work: 5 % of a 70 MB/s disk are those 3.3 MB/s
SCRUB_BUSY_SHARE_MIN: Final = 0.01  # below it a busy node would get nowhere, and a small store costs nothing anyway
SCRUB_BUSY_S: Final = 2.0  # so long after the last byte of a put, an arrival or a read a node counts as busy
SCRUB_NAP_S_MAX: Final = 5.0  # then it is asked again whether anybody still works
SCRUB_STEP_BLOBS_MAX: Final = 256  # numbers looked at together: three hops to the engine
SCRUB_READS_AT_ONCE: Final = 3  # of one step, by an idle node: a disk is quickest with a queue; one thread is left over
SCRUB_STEP_BYTES_MAX: Final = 8 * MIB  # read in one step of an idle node, so that a put waits 50 ms for it at most
SCRUB_STEP_BUSY_BYTES: Final = MIB  # one chunk: 5 ms of disk and 1 ms of a core
SCRUB_SAVE_INTERVAL_S: Final = 30.0  # the cursor costs a sync; after a crash so much is read once more
NOT_OURS_KEPT_MAX: Final = 10_000  # ids that came under our own number and that we never signed; 42 B each
EVENTS_KEPT_MAX: Final = 10_000  # about 1 MB: years of routine, or one bad day
MASS_DAMAGE_SHARE: Final = 0.01  # a disk loses single sectors; one blob in a hundred is another kind of trouble
MASS_DAMAGE_BLOBS_MIN: Final = 20  # a small office must not stop at the second rotten blob
# --- keys ------------------------------------------------------------------------------------------------------
KEY_LOOK_S: Final = 10.0  # how often a node looks for new key files; as certificates
ROSTER_ASK_S: Final = 60.0  # between two questions to a partner under a key that we do not know: up to 900 KiB each
DOCUMENTS_AGAIN_S: Final = 300.0  # a full disk is emptied by people; a roster may end a stolen key, so not much later
KEY_CHANGEOVER_S_MAX: Final = 24 * 3600.0  # a partner that did not show the new roster for a day is away, and learns it
# --- releases --------------------------------------------------------------------------------------------------
RELEASE_INTERVAL_S: Final = 3600.0  # a node that leaves hears again, so that its release is at most an hour old
RELEASE_LOOK_S: Final = 30.0  # how often an origin looks whether it may release a node that leaves
RELEASE_PAUSE_S: Final = 2.0  # how often it asks its ledger whether there is something to look at
RELEASE_AGE_MS_MAX: Final = 7 * 24 * 3600 * 1000  # what was proven longer ago is no longer fresh
RELEASE_AHEAD_MS_MAX: Final = 24 * 3600 * 1000  # a time zone set wrong is 14 h; a year ahead would be fresh for a year
DRAIN_ORIGINS_MAX: Final = 1024  # as HELLO_MARKS_MAX: whatever lies at one node
DRAIN_REPORT_SIZE_BYTES_MAX: Final = 8 * MIB  # 1,024 origins with 64 units and a release each are 5.1 MB
STAKE_ANSWER_S: Final = 10.0  # a line of 600 ms answers in one; a node that hangs must not hide the others
VOID_LISTS_ASK_S: Final = 60.0  # after asking an origin for lists that no longer count; doubled while it has none anew
VOID_LISTS_ASK_S_MAX: Final = 3600.0
VOID_LISTS_IDS_MAX: Final = 1024  # asked for at once: a quarter of what a repair lane may queue
RECLAIM_LOOK_S: Final = 60.0  # how often a session looks for units that were let go and are to be held again

# --- metrics ---------------------------------------------------------------------------------------------------
METRICS_CALLS_MAX: Final = 4  # open connections of monitoring: two servers that scrape, and a person beside them
METRICS_CALL_S: Final = 10.0  # for one request and its answer: Prometheus' own patience with a target
METRICS_READ_S: Final = 5.0  # for the state behind a page; without it the counters are shown alone
METRICS_HEAD_BYTES_MAX: Final = 8 * KIB  # of a request: Prometheus sends 400 bytes

# --- dialling back ---------------------------------------------------------------------------------------------
DIAL_BACK_ADDRESSES_MAX: Final = 4  # of one node: a line at home, one by VPN, and room
DIAL_BACK_S: Final = 6.0  # for each of them: a satellite line needs 5 s for its handshake
DIAL_BACK_ANSWER_S: Final = 30.0  # all of them one after the other, and the question itself
DIAL_BACK_INTERVAL_S: Final = 5.0  # between two questions of one node: each costs a handshake

# --- node reports ----------------------------------------------------------------------------------------------
REPORT_SIZE_BYTES_MAX: Final = 5 * KIB  # an office tells about 600 B; 24 links and 32 troubles of full size are 4.4
REPORT_LINKS_MAX: Final = 24  # the worst ones; a DRC node has 514, and each office tells of its own end
REPORT_TROUBLES_MAX: Final = 32  # troubles of one kind are counted together: about 20 kinds
REPORT_INTERVAL_LAN_S: Final = 30.0  # to a DRC node: 600 B each, 514 nodes bring it 10 KB/s
REPORT_INTERVAL_WAN_S: Final = 60.0
REPORT_INTERVAL_SATELLITE_S: Final = 300.0  # 170 KB a day on a line that is paid by the byte
REPORT_FIRST_S: Final = 5.0  # after a start: the sessions come first, and no link is told to be down for that
REPORT_LOOK_S: Final = 10.0  # how often a node looks whether its colour changed: an operator waits no longer for red
REPORT_SAVE_INTERVAL_S: Final = 120.0  # one sync for all that came; after a crash a DRC node shows them so much older
REPORT_LATE_S: Final = 900.0  # three of the longest intervals: a node that says nothing is shown as silent
REPORT_SILENT_S: Final = 24 * 3600.0  # red: nobody knows how an office stands
REPORT_BATCH_MAX: Final = 64  # reports in one message of the answer: 0.5 MiB when all are full
REPORT_FOLLOW_PAUSE_S: Final = 1.0  # between two messages of an answer that goes on: a person reads no faster
REPORT_READERS_MAX: Final = 64  # answers that go on at once at one DRC node
ECHOES_KEPT: Final = 5  # round trips behind the one shown, the least: what waited behind blobs says nothing of the line
