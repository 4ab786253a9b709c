"""The key-value port on RocksDB (rocksdict): one read-write handle, worked in threads."""

from lumbung_node.adapters.rocks.keyvalue import RocksKeyValue, open_rocks
from lumbung_node.adapters.rocks.options import RocksLimits

__all__ = ["RocksKeyValue", "RocksLimits", "open_rocks"]
