"""A station's files that do not belong together are told by name, before anybody is dialled."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.errors import KeyRefused
from lumbung_testing.real_clusters import OFFICES, found
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import Profile, load_profile
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.main import run

_OFFICE, _OTHER = OFFICES[:2]
_PEM_HEAD = b"-----BEGIN CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return found(tmp_path_factory.mktemp("station"), (_OFFICE, _OTHER))


@pytest.fixture
def profile(founded: Founded, tmp_path: Path) -> Profile:
    """A copy, for a test to spoil."""
    shutil.copytree(founded.client_home(_OFFICE), tmp_path / "home")
    return load_profile(tmp_path / "home")


async def test_files_that_belong_together_are_taken(profile: Profile) -> None:
    async with open_grpc(profile):
        pass


async def test_a_key_of_another_certificate_is_named(founded: Founded, profile: Profile) -> None:
    other = load_profile(founded.client_home(_OTHER))
    with pytest.raises(KeyRefused, match=f"^{profile.certificate}: expected the certificate of {other.key}"):
        async with open_grpc(replace(profile, key=other.key)):
            pass


@pytest.mark.parametrize("name", ["certificate", "key", "trust_roots"])
def test_a_damaged_pem_file_is_named_with_what_to_do(
    profile: Profile, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file: Path = getattr(profile, name)
    file.write_bytes(_PEM_HEAD + b"damaged")
    assert run(["--lang", "id", "--home", str(profile.home), "status"], open_grpc) == 2
    said = capsys.readouterr().err
    assert f"{file} bukan berkas PEM yang seharusnya ada di situ, atau rusak; ambil lagi" in " ".join(said.split())
