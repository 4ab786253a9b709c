"""What nodes say in English, said to people in their language."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

import lumbung_cluster
import lumbung_node
import lumbung_tools.cli
import lumbung_tools.client
import lumbung_tools.joining
import lumbung_tools.keybackup
import lumbung_tools.localcluster
import lumbung_tools.regions
import lumbung_tools.sealing
from lumbung_cluster.errors import PeerUnreachable, Rejected, StatusCode
from lumbung_node.config import Language
from lumbung_proto.v1 import operations_pb2 as wire
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.output.console import Console
from lumbung_tools.output.failures import sentence_of
from lumbung_tools.output.health import sentence_of_trouble
from lumbung_tools.output.refusals import _SHAPES, reason_of
from lumbung_tools.output.verdict import verdict_of

# In words of the kernel and of RocksDB.
_OF_OTHERS = (
    "reason.connection_refused",
    "reason.handshake_closed",
    "reason.no_name",
    "reason.no_network",
    "reason.other_name",
    "reason.port_taken",
    "reason.store_locked",
)
_WORDS = re.compile(r"[A-Za-z',: -]{8,}")  # what a shape says between the values


_NO_NODE = "127.0.0.1:7000 menjawab, tetapi bukan sebagai simpul lumbung; periksa alamat dan port"
_NO_TLS = "tidak ada jalur aman ke 127.0.0.1:7000: TLS gagal (wrong version number); benarkah itu simpul klaster ini?"
_ALTERED = (
    "/media/a b/request: join request of 36.02: expected a signature by its TLS key, got a broken one: it was altered"
)
_ALTERED_TOLD = (
    "permintaan 36.02 telah diubah: ada kunci di dalamnya yang tidak menandatangani isinya; minta berkasnya lagi"
)
_TAKEN = "nomor 3 adalah milik 51.71, dan tidak ada nomor yang dipakai dua kali; hilangkan --number"
_NEW_DISK = "simpul 4 sudah kehilangan cakramnya sejak itu; ekspor lagi dengan --anew"


def console(language: Language = Language.INDONESIAN) -> Console:
    return Console(Catalogue(language), io.StringIO(), io.StringIO(), is_json=False)


def node_source() -> str:
    """All that nodes and the local cluster can say, with the breaks of long string literals taken out."""
    roots = [
        Path(package.__path__[0])
        for package in (
            lumbung_cluster,
            lumbung_node,
            lumbung_tools.cli,
            lumbung_tools.client,
            lumbung_tools.joining,
            lumbung_tools.keybackup,
            lumbung_tools.localcluster,
        )
    ]
    files = [file for root in roots for file in sorted(root.rglob("*.py"))]
    text = "".join(
        file.read_text()
        for file in [*files, Path(lumbung_tools.sealing.__file__), Path(lumbung_tools.regions.__file__)]
    )
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("key", [key for key in _SHAPES if key not in _OF_OTHERS])
def test_every_shape_is_one_that_nodes_still_speak_in(key: str) -> None:
    source, shape = node_source(), _SHAPES[key]
    plain = re.sub(r"\(\?P<\w+>([^()]|\[\^\)\])*\)|\\.[+*]?|\[[^]]*\].?|[.][*]|[()|?]", "\0", shape)
    words = [found.strip() for found in _WORDS.findall(plain)]
    for word in words:
        assert word.strip(" ,:") in source, word


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "sari of 36.02: expected a name on access list version 3, got a stranger",
            "sari dari 36.02 tidak ada di daftar akses kantor (versi 3); mintakan: lumbung access add",
        ),
        (
            "open calls of lumbung://ab/access/1/sari: expected at most 16, got 17",
            "terlalu banyak perintah sekaligus dari sini (paling banyak 16); tunggu yang lain selesai",
        ),
        (
            "open streams above 3 of a caller: expected at most 40 of all callers, got one more: try again later",
            "simpul sedang melayani terlalu banyak perintah panjang; coba lagi nanti",
        ),
        (_ALTERED, _ALTERED_TOLD),
        ("pack of another cluster: expected 00ab, got 01cd", "paket ini dari klaster lain"),
        ("number 3: expected one that was never used, got that of node 51.71", _TAKEN),
        ("36.02: no peer that it can reach", "36.02 tidak dapat menjangkau mitra"),
        ("127.0.0.1:7000: it answered, and then refused gRPC's handshake", _NO_NODE),
        ("127.0.0.1:7000: TLS handshake failed: wrong version number", _NO_TLS),
        ("receipt of an older life of node 4: expected generation 2, got 1; it counts for nothing", _NEW_DISK),
        ("127.0.0.1:7000: no answer within 20.0 s", "127.0.0.1:7000 tidak menjawab dalam 20 detik"),
        ("the caller has left the call", "pihak seberang memutus sambungan"),
        ("the connection broke: Socket closed", "sambungan terputus"),
        ("the connection broke while we were sending", "sambungan terputus"),
        ("no answer for 40 s", "tidak ada jawaban selama 40 detik"),
        (
            "10.36.2.1:7443: No route to host",
            "tidak ada jaringan menuju 10.36.2.1:7443; periksa kabel, modem dan alamatnya",
        ),
        (
            "simpul.invalid:7443: Name or service not known",
            "nama dalam simpul.invalid:7443 tidak dikenal di sini; periksa alamat dan jaringan",
        ),
        (
            "10.36.2.1:7443: its certificate is not trusted: Hostname mismatch, certificate is not valid for 'x'.",
            "yang menjawab di 10.36.2.1:7443 simpul lain daripada yang dipanggil; periksa alamatnya",
        ),
        (
            "age: expected a blob sealed to one of our identities, got: No matching keys found",
            "rekaman disegel untuk kunci lain daripada yang ada di sini",
        ),
        ("no blob 3f2a9c01... of origin 1 here", "simpul ini tidak memiliki rekaman 3f2a9c01"),
        (
            "the store failed and is being opened again: try again",
            "simpul sedang membuka kembali penyimpanannya setelah gangguan cakram",
        ),
    ],
)
def test_a_known_reason_is_told_in_the_readers_language(said: str, told: str) -> None:
    assert reason_of(console(), said) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "entry key of 36.02: expected the next one pinned before (or in this draft), got no other in force",
            "kunci entry milik 36.02: seharusnya kunci penerus yang sudah dicantumkan sebelumnya, "
            "ternyata tidak ada kunci lain yang berlaku",
        ),
        (
            "p.toml: address: expected a port from 0 to 65535, got 99999",
            "p.toml: address: seharusnya port dari 0 sampai 65535, ternyata 99999",
        ),
        ("--cluster: cluster id: expected 16 bytes, got 2", "--cluster: id klaster: seharusnya 16 bita, ternyata 2"),
        (
            "reach: expected public, dial-only or vpn:NAME, got 'x'",
            "--reach: seharusnya public, dial-only atau vpn:NAMA, ternyata 'x'",
        ),
        (
            "a.req: file: expected an enrolment pack, got a file of the kind 'join'",
            "a.req: seharusnya paket jawaban, ternyata permintaan bergabung",
        ),
        (
            "trust root: expected a new one, got ca-2, which is known",
            "otoritas: seharusnya yang baru, ternyata ca-2, yang sudah dikenal",
        ),
        (
            "authority: expected one that the trust roots beside the certificate know, got another",
            "otoritas: seharusnya yang dikenal akar kepercayaan di samping sertifikat, ternyata yang lain",
        ),
        (
            "/t.pem: expected one of an authority in /roots.pem, got another's",
            "/t.pem: seharusnya dari otoritas di dalam /roots.pem, ternyata milik yang lain",
        ),
        (
            "backup: expected at most 64 files, got 65",
            "cadangan: seharusnya paling banyak 64 berkas, ternyata 65",
        ),
        (
            "bound of 36.02-van1: expected one for a van that is gone and only there, got one",
            "batas 36.02-van1: seharusnya hanya untuk mobil keliling yang sudah berakhir, ternyata satu",
        ),
        (
            "name: expected text without control characters, got 'a'",
            "nama: seharusnya teks tanpa karakter kendali, ternyata 'a'",
        ),
        ("tanpa: expected tea, got coffee", "tanpa: seharusnya tea, ternyata coffee"),
        (
            "expected host:port, got 127.0.0.1",
            "alamat ditulis sebagai host:port, misalnya 10.36.2.1:7443; yang diberikan 127.0.0.1",
        ),
        (
            "expected a region code such as 36.02, got '36.99'; near codes: 36.02 (Kabupaten Lebak)",
            "tidak ada wilayah berkode 36.99 (bentuknya seperti 36.02); yang mirip: 36.02 (Kabupaten Lebak)",
        ),
        (
            "next.toml: roster body: expected at most 921600 bytes, got 1718579821 bytes",
            "isinya bukan daftar simpul bertanda tangan. Rancangan (.toml) ditandatangani dulu: lumbung roster sign",
        ),
        (
            "/etc/l/c.toml: node.number: expected 6 as in /etc/l/tls.pem, got 7",
            "/etc/l/c.toml: nomor simpul seharusnya 6 menurut /etc/l/tls.pem, bukan 7",
        ),
        (
            "[Errno 98] cannot listen on 127.0.0.1:7443: Address already in use",
            "127.0.0.1:7443 sedang dipakai program lain; mungkin simpul ini sudah berjalan",
        ),
    ],
)
def test_what_a_check_found_is_told_without_english(said: str, told: str) -> None:
    assert reason_of(console(), said) == told
    assert reason_of(console(Language.ENGLISH), said)


def test_a_reason_that_nobody_knows_stays_as_it_was_said() -> None:
    assert reason_of(console(), "expected tea, got coffee") == "expected tea, got coffee"


def test_sentences_of_errors_hold_no_english_when_the_reason_is_known() -> None:
    refused = Rejected(StatusCode.PERMISSION_DENIED, "lumbung://ab/node/3 may not read origin 2")
    assert sentence_of(console(), refused) == "Ditolak: lumbung://ab/node/3 tidak berhak membaca rekaman simpul 2."
    away = PeerUnreachable("10.0.0.1:7000: not connected within 20.0 s")
    assert sentence_of(console(), away).startswith("Simpul tidak menjawab: 10.0.0.1:7000 tidak menjawab")


def test_damage_is_told_as_damage_and_lacking_copies_as_such() -> None:
    """Both stand under COPIES_SHORT."""
    damaged = wire.HealthItem(code="COPIES_SHORT", values={"reason": "damaged", "blobs": "3"})
    unproven = wire.HealthItem(code="COPIES_SHORT", values={"reason": "unproven", "blobs": "3"})
    english = console(Language.ENGLISH)
    assert "damaged" in sentence_of_trouble(english, damaged, str)
    assert "damaged" not in sentence_of_trouble(english, unproven, str)


def test_a_node_that_has_left_is_told_so_and_not_to_look_at_its_clock() -> None:
    trouble = wire.HealthItem(code="TRUST_FAILED", severity=wire.SEVERITY_CRITICAL, node=1)
    left = wire.LinkState(node=1, sentence="node 2 (34.04): expected a present node, got one that left the cluster")
    other = wire.LinkState(node=1, sentence="node 2 (34.04): expected a TLS key that epoch 3 pins, got 00ff")
    told = sentence_of_trouble(console(), trouble, lambda _: "36.02", [left])
    assert told.startswith("36.02 menolak sambungan karena 34.04 sudah keluar dari klaster")
    assert "Periksa jam" not in told
    assert "Periksa jam" in sentence_of_trouble(console(), trouble, lambda _: "36.02", [other])
    status = wire.StatusResponse(name="34.04", takes_puts=True, links=[left], health=[trouble])
    assert "34.04 sudah keluar dari klaster" in verdict_of(console(), status, lambda _: "36.02").sentence


def test_words_of_a_stranger_make_no_line_of_their_own() -> None:
    error = Rejected(StatusCode.PERMISSION_DENIED, "no\nb.zip: stored, 3 of 3 copies, safe\x1b[2K")

    assert "no\\x0ab.zip: stored, 3 of 3 copies, safe\\x1b[2K" in sentence_of(console(), error)
