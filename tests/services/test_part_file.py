"""The file that a blob grows in, and what became of the one before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.ids import BlobId
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.part_file import PartFile


def test_a_part_never_grows_into_bytes_that_have_a_name_already(tmp_path: Path) -> None:
    """A name is a link to them: one that could not be removed would have let the next blob overwrite the last one."""
    first = PartFile(tmp_path / "part")
    first.write(memoryview(b"the first recording"))
    first.sync()
    os.link(first.path, tmp_path / "named")

    second = PartFile(tmp_path / "part")
    second.write(memoryview(b"second"))

    assert (tmp_path / "named").read_bytes() == b"the first recording"
    assert second.path.read_bytes() == b"second"
    for part in (first, second):
        part.discard()
    assert os.listdir(tmp_path) == ["named"]


def test_bytes_that_are_not_those_of_the_id_are_damage(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "part")
    part.write(memoryview(b"bytes"))

    part.check(wire.GetStart(id=BlobId.of(b"bytes").raw))
    with pytest.raises(BlobDamaged):
        part.check(wire.GetStart(id=BlobId.of(b"other").raw))
    part.discard()
