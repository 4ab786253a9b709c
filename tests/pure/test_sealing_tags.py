"""Tags: the same for the same, different for different uses, and telling nothing without the secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_tools.tags import TAG_SIZE_BYTES, TagSecret

SECRET = TagSecret(bytes(range(32)))


def content_tag(secret: TagSecret, content: bytes) -> bytes:
    hasher = secret.content_hasher()
    hasher.update(content)
    return secret.content_tag(hasher)


def test_golden_values_never_change() -> None:
    """A tag that changes makes every retry over an update a duplicate."""
    content = content_tag(SECRET, b"plain")

    assert content.hex() == "0141e6406043d576f867c28cc6ceeae4b59b23005d375f0bd22b3b8acbcc8f34b5"
    assert SECRET.record_tag("R-1").hex() == "01c648dc02982dd04e64ea667c4cb82af1c6447040c316ea7b7066b7f988604c6e"
    assert (
        SECRET.tags(None, content).record.hex() == "01eb1455e125169eacf193dc3bb06fb3ed4b6cf24b7c2e598f50bf34c8efb1a69a"
    )


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_equal_content_and_only_that_has_equal_tags(a: bytes, b: bytes) -> None:
    assert (content_tag(SECRET, a) == content_tag(SECRET, b)) == (a == b)


@given(st.text(min_size=1).filter(str.strip))
def test_a_record_and_a_content_of_the_same_bytes_share_nothing(name: str) -> None:
    record, content = SECRET.record_tag(name), content_tag(SECRET, name.strip().encode())

    assert len(record) == len(content) == TAG_SIZE_BYTES
    assert record[:1] == content[:1] == b"\x01"
    assert record[1:] != content[1:]
    assert SECRET.tags(None, content).record not in (record, content)


def test_another_office_has_other_tags() -> None:
    other = TagSecret(bytes(32))

    assert other.record_tag("R-1") != SECRET.record_tag("R-1")
    assert content_tag(other, b"x") != content_tag(SECRET, b"x")


def test_blanks_around_a_record_do_not_matter() -> None:
    assert SECRET.record_tag(" R-1\n") == SECRET.record_tag("R-1")


def test_a_record_without_a_name_and_a_short_secret_are_refused() -> None:
    with pytest.raises(ValueError, match="record id"):
        SECRET.record_tag("  ")
    with pytest.raises(ValueError, match="32 bytes"):
        TagSecret(b"short")
