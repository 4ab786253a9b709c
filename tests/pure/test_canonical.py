"""The canonical encoding: what is written is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.signed import Domain, Signature, is_signed_by, sign, signed_hash, signing_input
from lumbung_testing.rosters import SeededSigner, TestVerifier


@given(number=st.integers(0, 2**64 - 1), raw=st.binary(max_size=40), items=st.lists(st.integers(0, 255), max_size=9))
def test_what_was_written_is_read_again(number: int, raw: bytes, items: list[int]) -> None:
    writer = Writer().u64("number", number).var_bytes("raw", raw, 40)
    writer.optional("first", items[0] if items else None, lambda inner, value: inner.u8("first", value))
    body = writer.sequence("items", items, lambda inner, value: inner.u8("item", value), 9).finish()

    reader = Reader(body)
    assert reader.u64("number") == number
    assert reader.var_bytes("raw", 40) == raw
    assert reader.optional("first", lambda inner: inner.u8("first")) == (items[0] if items else None)
    assert reader.sequence("items", lambda inner: inner.u8("item"), 9) == tuple(items)
    reader.finish()


@given(st.binary(max_size=64))
def test_bytes_that_are_accepted_are_the_bytes_that_would_be_written(raw: bytes) -> None:
    reader = Reader(raw)
    try:
        text = reader.text("text", 16)
        flag = reader.flag("flag")
        reader.finish()
    except Malformed:
        return
    assert Writer().text("text", text, 16).flag("flag", flag).finish() == raw


@pytest.mark.parametrize("cut", range(9))
def test_a_truncated_body_is_refused(cut: int) -> None:
    body = Writer().u32("a", 7).var_bytes("b", b"x", 4).finish()

    with pytest.raises(Malformed):
        _read_two(body[:cut])


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(Malformed, match="end: expected no bytes behind the last field, got 1 more"):
        _read_two(Writer().u32("a", 7).var_bytes("b", b"x", 4).finish() + b"\0")


def test_a_count_beyond_the_bound_is_refused_before_items_are_read() -> None:
    with pytest.raises(Malformed, match="items: expected at most 3 items, got 4294967295"):
        Reader(b"\xff\xff\xff\xff").sequence("items", lambda reader: reader.u8("item"), 3)


def test_a_length_beyond_the_bound_is_refused() -> None:
    with pytest.raises(Malformed, match="raw: expected at most 4 bytes, got 5 bytes"):
        Reader(b"\0\0\0\5hello").var_bytes("raw", 4)


@pytest.mark.parametrize("raw", [b"\2", b"\xff"])
def test_a_flag_is_zero_or_one(raw: bytes) -> None:
    with pytest.raises(Malformed, match="expected a flag of 0 or 1"):
        Reader(raw).flag("flag")


def test_text_in_another_normal_form_is_refused_when_written_and_when_read() -> None:
    decomposed = "e\u0301"
    raw = Writer().var_bytes("t", decomposed.encode(), 9).finish()

    with pytest.raises(Malformed, match="NFC"):
        Writer().text("t", decomposed, 9)
    with pytest.raises(Malformed, match="NFC"):
        Reader(raw).text("t", 9)


def test_bytes_that_are_not_utf8_are_no_text() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        Reader(b"\0\0\0\1\xff").text("t", 9)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_a_number_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(Malformed, match="an unsigned number of 32 bits"):
        Writer().u32("n", value)


def test_a_signature_under_one_domain_is_none_under_another() -> None:
    signature = sign(Domain.ENTRY, b"body", SeededSigner("x"))

    assert is_signed_by(Domain.ENTRY, b"body", signature, TestVerifier())
    assert not is_signed_by(Domain.RECEIPT, b"body", signature, TestVerifier())
    assert not is_signed_by(Domain.ENTRY, b"bodY", signature, TestVerifier())


def test_domains_are_prefixes_of_no_other_signing_input() -> None:
    starts = [signing_input(domain, b"") for domain in Domain]

    assert not [(a, b) for a in starts for b in starts if a != b and b.startswith(a)]
    assert len({signed_hash(domain, b"") for domain in Domain}) == len(Domain)


def test_keys_and_signatures_have_their_sizes() -> None:
    with pytest.raises(Malformed, match="public key: expected 32 bytes, got 31 bytes"):
        Signature(bytes(31), bytes(64))
    with pytest.raises(Malformed, match="signature: expected 64 bytes, got 65 bytes"):
        Signature(bytes(32), bytes(65))


def _read_two(raw: bytes) -> tuple[int, bytes]:
    reader = Reader(raw)
    values = reader.u32("a"), reader.var_bytes("b", 4)
    reader.finish()
    return values


@pytest.mark.parametrize("mark", ["\n", "\t", "\x1b[2J", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\u200f"])
def test_text_that_would_move_on_a_screen_is_refused_written_and_read(mark: str) -> None:
    """What a custodian compares before he signs must not draw a line of its own or run backwards."""
    raw = f"Jawa{mark}role: drc".encode()
    with pytest.raises(Malformed, match="text without control characters"):
        Writer().text("zone", raw.decode(), 64)
    with pytest.raises(Malformed, match="text without control characters"):
        Reader(len(raw).to_bytes(4, "big") + raw).text("zone", 64)


def test_a_certificate_has_lines_and_is_ascii() -> None:
    pem = "-----BEGIN-----\r\nAA==\n-----END-----\n"
    assert Reader(Writer().text("pem", pem, 64, is_pem=True).finish()).text("pem", 64, is_pem=True) == pem
    for stray in ("\x1b[2J", "é"):
        with pytest.raises(Malformed):
            Writer().text("pem", pem + stray, 64, is_pem=True)
