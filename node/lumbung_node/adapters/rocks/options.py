"""How the engine is set up: durability first, then memory, then speed.

Every choice was measured (docs/decisions/0001-wal-or-ingest.md). BlobDB stays off: its repair loses every blob.
"""

from __future__ import annotations

from dataclasses import dataclass

from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    DBRecoveryMode,
    Options,
)

from lumbung_cluster.limits import KIB, MIB
from lumbung_node.ports.keyvalue import Family

__all__ = ["DEFAULT_FAMILY", "DEFAULT_LIMITS", "RocksLimits", "database_options", "family_options"]

DEFAULT_FAMILY = "default"  # RocksDB insists on it; it stays empty


@dataclass(frozen=True, slots=True)
class RocksLimits:
    """Memory and files that the engine may take.

    The memtables of all families together are flushed when they come near `memtables_size_bytes`; measured peak of a
    process that does nothing but write: 92 to 108 MB with chunk memtables of 32 MiB and 112 MiB in all, 159 MB with 64
    MiB and no more speed. 24 and 72 MiB were no slower in a refill, and leave 20 MiB for buffers that are used again.
    """

    cache_size_bytes: int = 32 * MIB
    chunk_memtable_size_bytes: int = 24 * MIB
    memtables_size_bytes: int = 72 * MIB
    wal_size_bytes: int = 192 * MIB  # bounds the replay when the store opens after a crash
    open_files: int = 512


DEFAULT_LIMITS = RocksLimits()

_INDEX_MEMTABLE_SIZE_BYTES: dict[Family | None, int] = {
    # 91,000, 77,000 and 60,000 blobs. These have keys that are hashes (of feeds those by id), so every table spans the
    # whole range, and four of them are merged with all that is there; at half the size it was twice the compaction.
    Family.BLOBS: 12 * MIB,
    Family.FEEDS: 16 * MIB,
    Family.TAGS: 8 * MIB,
    Family.PROOFS: 4 * MIB,
}
_SMALL_MEMTABLE_SIZE_BYTES = MIB
_ROWS_BLOOM_RATIO = 0.02  # of the memtable: 16 bits and more a row
_LEVEL0_FILES_MAX = 36
_CHUNK_ARENA_BLOCK_BYTES = 4 * MIB  # what is at most a quarter of it is packed: every chunk


def database_options(limits: RocksLimits, *, create: bool, salvages: bool = False) -> Options:
    """Options of the whole database; `salvages` for a working copy of a damaged one."""
    options = Options(raw_mode=True)
    options.create_if_missing(create)
    options.create_missing_column_families(True)
    # The default recovery mode drops everything behind one flipped byte of the log without a word. This one accepts a
    # torn tail, which a power cut leaves, and refuses to open for anything else.
    options.set_wal_recovery_mode(
        DBRecoveryMode.skip_any_corrupted_record() if salvages else DBRecoveryMode.tolerate_corrupted_tail_records()
    )
    options.set_paranoid_checks(not salvages)
    options.set_max_total_wal_size(limits.wal_size_bytes)
    options.set_db_write_buffer_size(limits.memtables_size_bytes)
    options.set_bytes_per_sync(MIB)
    options.set_wal_bytes_per_sync(MIB)
    options.set_max_background_jobs(2)
    options.set_max_open_files(limits.open_files)
    options.set_keep_log_file_num(4)
    options.set_max_log_file_size(8 * MIB)
    options.set_max_manifest_file_size(16 * MIB)
    return options


def family_options(family: Family | None, cache: Cache, limits: RocksLimits, *, salvages: bool = False) -> Options:
    """Options of one family (None: RocksDB's own default family)."""
    options = Options(raw_mode=True)
    options.set_block_based_table_factory(_table_options(family, cache))
    if family is Family.CHUNKS:
        options.set_write_buffer_size(limits.chunk_memtable_size_bytes)
        options.set_max_write_buffer_number(3)
        # Blobs of 300 KiB allocated one by one lie between Python's in the heap, and keep it large: 20 MiB of the peak.
        options.set_arena_block_size(_CHUNK_ARENA_BLOCK_BYTES)
        options.set_target_file_size_base(64 * MIB)
    else:
        options.set_write_buffer_size(_INDEX_MEMTABLE_SIZE_BYTES.get(family, _SMALL_MEMTABLE_SIZE_BYTES))
        options.set_max_write_buffer_number(2)
        # Three rows are looked for in vain for each put. In a full memtable that is a walk through 15 levels of cold
        # memory.
        options.set_memtable_prefix_bloom_ratio(_ROWS_BLOOM_RATIO)
        options.set_memtable_whole_key_filtering(True)
    options.set_compression_type(DBCompressionType.none())  # sealed bytes, hashes and signatures do not shrink
    options.set_disable_auto_compactions(salvages)  # a damaged table must be read around, not rewritten
    _take_no_half_measures(options)
    return options


def _take_no_half_measures(options: Options) -> None:
    """Let the engine stop writes or take them at full speed, but never "delay" them.

    A write that may not wait and meets a delay is refused *and* charged for it, so that a caller who tries again soon
    pushes its own turn ahead (3,000 refusals in a row were seen); one that may wait sleeps with the interpreter's lock
    held. A stop has neither fault: the refused caller waits a few milliseconds outside the lock and tries again.
    """
    options.set_level_zero_slowdown_writes_trigger(_LEVEL0_FILES_MAX)
    options.set_level_zero_stop_writes_trigger(_LEVEL0_FILES_MAX)
    options.set_soft_pending_compaction_bytes_limit(0)
    options.set_hard_pending_compaction_bytes_limit(0)


def _table_options(family: Family | None, cache: Cache) -> BlockBasedOptions:
    table = BlockBasedOptions()
    table.set_block_cache(cache)
    table.set_format_version(5)
    table.set_cache_index_and_filter_blocks(True)
    table.set_pin_l0_filter_and_index_blocks_in_cache(True)
    table.set_pin_top_level_index_and_filter(True)
    # Partitioned: a whole filter is bigger than a shard of this small cache, would never be kept, and each get would
    # read it again (7,000 instead of 70,000 gets a second at a million rows).
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_partition_filters(True)
    table.set_metadata_block_size(16 * KIB)
    table.set_block_size(16 * KIB if family is Family.CHUNKS else 4 * KIB)
    if family is not Family.CHUNKS:  # chunks are never asked for in vain
        # Each put looks for three rows in vain, in four or five tables each. With 10 bits one look of a hundred errs in
        # each table: of a frame of 256 some always did, and went to the disk.
        table.set_bloom_filter(14, False)
    return table
