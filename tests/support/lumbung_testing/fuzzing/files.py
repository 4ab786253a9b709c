"""Readers of files that people write or carry: configurations, profiles, and what lies on a bundle's disk."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from blake3 import blake3

from lumbung_cluster.bundle import Batch, PartHead
from lumbung_cluster.bundle_manifest import Manifest, OriginSpan, PartRecord, SignedManifest, sign_manifest
from lumbung_cluster.bundle_receipts import ReceiptsFile
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.receipt import Statement, StatementKind, sign_statement
from lumbung_cluster.schedule import Schedule, TimeZone, Weekday, Window
from lumbung_node.config import load_config, render_config
from lumbung_node.toml_table import ConfigError
from lumbung_testing.bundle_parts import BUNDLE, EXPORTER, HOLDER, Part, made_part, read_blobs
from lumbung_testing.fake_nodes import make_home
from lumbung_testing.fuzzing.targets import Target
from lumbung_testing.profiles import make_profile
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_tools.client.profile import PROFILE_FILE, load_profile, write_profile

__all__ = ["file_targets"]

_HASH_BYTES = 32
_BATCHES = ((5, 900), (40,))


def file_targets(draws: random.Random) -> Iterator[Target]:
    yield from _configuration_targets()
    yield from _bundle_targets(draws)


# --- what people write -----------------------------------------------------------------------------------------


def _configuration_targets() -> Iterator[Target]:
    """What is taken is written again and read as the same. The folder goes with the targets."""
    folder = tempfile.TemporaryDirectory(prefix="lumbung-fuzz-")
    home = make_home(Path(folder.name), "36.02", 1)
    profile = make_profile(Path(folder.name) / "client").profile
    config_file, profile_file = home / "config.toml", profile.home / PROFILE_FILE

    plain = load_config(config_file)
    night = Window(22 * 60, 330, tuple(Weekday), ("drc-batam", "61.01"), 250_000.0, None, 100)
    rich = replace(plain, bandwidth=Schedule(TimeZone.WIT, (night,)), metrics_listen="127.0.0.1:0")

    def read_config(raw: bytes) -> None:
        assert Path(folder.name).is_dir()  # it goes with the last who may write into it
        config_file.write_bytes(raw)
        taken = load_config(config_file)
        config_file.write_text(render_config(taken), encoding="utf-8")
        assert load_config(config_file) == taken

    def read_profile(raw: bytes) -> None:
        profile_file.write_bytes(raw)
        taken = load_profile(profile.home)
        write_profile(taken)
        assert load_profile(profile.home) == taken

    yield Target(
        "node configuration", [render_config(config).encode() for config in (plain, rich)], read_config, (ConfigError,)
    )
    yield Target("client profile", [profile_file.read_bytes()], read_profile, (ConfigError,))


# --- what people carry -----------------------------------------------------------------------------------------


def _bundle_targets(draws: random.Random) -> Iterator[Target]:
    """Hashes are mended behind each change, else every change would end at them."""
    part = made_part(_BATCHES)
    start = part.batch_starts[0]
    batch = part.raw[start : part.batch_starts[1] - sum(_BATCHES[0])]
    yield Target("part head", [part.head.pack()[:-_HASH_BYTES]], _hashed(_head), (Malformed,))
    yield Target("batch head", [batch[:-_HASH_BYTES]], _hashed(_batch), (Malformed,))
    yield Target("bundle part", [part.raw], lambda raw: _scan(raw, part), ())
    manifest = _manifest()
    yield Target("manifest", [manifest.encode()], lambda raw: Manifest.decode(raw).encode(), (Malformed,))
    signed = sign_manifest(manifest, SeededSigner("receipt 1")).to_bytes()
    yield Target("signed manifest", [signed], lambda raw: SignedManifest.from_bytes(raw).to_bytes(), (Malformed,))
    receipts = _receipts(draws).encode()[:-_HASH_BYTES]
    yield Target("receipts file", [receipts], _hashed(lambda raw: ReceiptsFile.decode(raw).encode()), (Malformed,))


def _hashed(read: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda raw: read(raw + blake3(raw).digest())[:-_HASH_BYTES]


def _head(raw: bytes) -> bytes:
    return PartHead.parse(raw).pack()


def _batch(raw: bytes) -> bytes:
    return Batch.parse(raw).pack()


def _scan(raw: bytes, part: Part) -> None:
    """A damaged part gives blobs that hash to their ids, and nothing else."""
    blobs, _, _ = read_blobs(raw, part.head)
    assert all(BlobId.of(content) == blob for blob, content in blobs.items())


def _manifest() -> Manifest:
    spans, parts = (OriginSpan(EXPORTER, 17, 0, 40),), (PartRecord(1, 900, 3, 700, bytes(32)),)
    return Manifest(
        CLUSTER,
        BUNDLE,
        EXPORTER,
        Generation(1),
        1,
        HOLDER,
        1,
        1_795_500_000_000,
        is_complete=True,
        origins=spans,
        parts=parts,
    )


def _receipts(draws: random.Random) -> ReceiptsFile:
    blobs = tuple(BlobId(draws.randbytes(32)) for _ in range(2))
    said = Statement(StatementKind.COMMIT_RECEIPT, CLUSTER, HOLDER, Generation(1), 1, EXPORTER, 1, 2, 3, blobs)
    words = [sign_statement(replace(said, nonce=nonce), SeededSigner("receipt 4")) for nonce in (17, 18)]
    return ReceiptsFile(BUNDLE, HOLDER, tuple(words))
