"""Why a file or process fails, in the reader's language: the system, configurations and keys speak English.

The system's number stays behind our words in brackets: whoever is called for help knows by it what the system said.
"""

from __future__ import annotations

import errno
import re
from typing import Final

from lumbung_tools.output.console import Console

__all__ = ["FILE_SHAPES", "os_words_told"]

FILE_SHAPES: Final = {
    "reason.file_unread": r"(?P<file>.+?): cannot be read: (?P<why>.*?)(?:: '[^']*')?",
    "reason.file_not_toml": r"(?P<file>.+?): is not TOML: (?P<why>.*)",
    "reason.file_named_none": r"(?P<file>.+?): expected the file (?P<path>.+), got none",
    "reason.file_secret_open": r"(?P<file>.+?): secret (?P<path>.+) is open to others \(mode (?P<mode>\d+)\), type: .*",
    "reason.setting_unknown": (
        r"(?P<file>.+?): (?P<setting>\S+): unknown key, (?:the nearest known one is )(?P<near>\S+)"
    ),
    "reason.setting_no_table": r"(?P<file>.+?): (?P<setting>\S+): expected this table, got none",
    "reason.setting_none": r"(?P<file>.+?): (?P<setting>\S+): expected a value, got none",
    "reason.setting_choice": r"(?P<file>.+?): (?P<setting>\S+): expected one of (?P<choices>.+), got (?P<value>.*)",
    "reason.setting_range": (
        r"(?P<file>.+?): (?P<setting>\S+): expected (?P<low>\d+) to (?P<high>\d+), got (?P<value>-?\d+)"
    ),
    "reason.key_open": r"key file (?P<file>.+?): expected mode 0600, got (?P<mode>\d+); mend it with: .*",
    "reason.key_unread": r"key file (?P<file>.+?): expected a readable file, got (?P<why>.*)",
    "reason.key_there": r"key file (?P<file>.+?): expected no file there, got one; move it away first",
    "reason.not_a_certificate": r"certificate: expected one in PEM, got .*",
    "reason.file_empty": r"plaintext: expected at least 1 byte, got an empty file",
    "reason.file_special": r"plaintext: expected a file, got a pipe, socket or device",
    "reason.sealing_spoilt": r"sealed file: expected the bytes that were sealed, got others",
    "reason.folder_empty": r"plaintext: expected a file in this folder, got none",
    "reason.no_stdin": r"plaintext: expected a standard input, got a closed one",
    "reason.list_not_text": r"list: expected text, got something else in line (?P<line>\d+)",
    "reason.file_too_large": r"plaintext: expected at most (?P<most>\d+) bytes, got more",
    "reason.not_a_backup": r"backup (?P<file>.+?): expected a backup of keys or its lines from paper, got neither",
    "reason.not_a_roster": r"roster not understood: (?P<why>.*)",
    "reason.not_signed_roster": r"(?:(?P<file>.+): )?roster body: (?:expected at most )\d+ (?:bytes, got )\d+ bytes",
    "reason.not_signed_list": r"(?:(?P<file>.+): )?access list: (?:expected at most )\d+ (?:bytes, got )\d+ bytes",
    "reason.roster_of_config": r"no roster: expected the one from the enrolment pack",
    "reason.not_cluster_secret": r"cluster secret (?P<file>.+?): expected one line with a version and 64 hex .*",
    "reason.number_of_certificate": (
        r"(?P<file>.+?): node\.number: expected (?P<number>\d+) as in (?P<chain>.+), got (?P<got>\d+)"
    ),
    "reason.cluster_of_certificate": (
        r"(?P<chain>.+): expected a certificate of cluster (?P<cluster>\w+) as in (?P<roster>.+), "
        r"got one of (?P<got>\w+)"
    ),
    "reason.certificate_of_key": r"(?P<chain>.+): expected the certificate of (?P<secret>.+) \(\w+\), got \w+",
    "reason.pem_file": r"PEM file (?P<file>.+?): .*",
    "reason.tls_unfit": r"certificate, TLS key and trust roots do not fit together: (?P<why>.*)",
    "reason.store_locked": (
        r"opening the store: .*(?:While lock file|acquiring thread \d+): (?P<folder>/.*)/rocks/LOCK.*"
    ),
    "reason.wrong_passphrase": (
        r"backup(?: (?P<file>.+))?: expected its passphrase and undamaged bytes, got another or others"
    ),
    "reason.plan_folder": r"expected a new or empty folder, got (?P<folder>.*), in which something is",
    "reason.plan_twice": r"expected each node once, got (?P<name>.*) twice",
    "reason.plan_city": r"expected a DRC's city in small letters such as (?P<such>\S+), got '(?P<name>.*)'",
    "reason.plan_base_port": r"expected a base port from 1 to (?P<most>\d+), got (?P<got>-?\d+)",
    "reason.plan_port": r"port (?P<port>\d+) is in use or needs more rights: choose another base port",
    "reason.plan_many": r"expected at most (?P<most>\d+) nodes on one machine, got (?P<got>\d+)",
    "reason.plan_few": r"expected at least one office and one DRC, got \d+ and \d+",
    "reason.plan_no_ports": (
        r"expected (?P<count>\d+) free ports from (?P<first>\d+) to (?P<last>\d+), "
        r"got (?P<got>\d+)"
    ),
    "reason.port_taken": (
        r"(?:\[Errno \d+\] )?cannot listen on (?P<address>\S+): (?:Address already in use|it was in use)"
    ),
    "reason.cannot_listen": r"(?:\[Errno \d+\] )?cannot listen on (?P<address>\S+): (?P<why>.*)",
    "reason.identity_remembers_none": r"the data folder has a store, but the identity folder remembers none: .*",
    "reason.disk_of_newer": (
        r"store format: this lumbung reads up to (?P<highest>\d+), the folder has (?P<found>\d+); .*"
    ),
    "reason.file_shrank": r"(?:.+: )?expected \d+ more bytes of the sealed file, got \d+",
    "reason.part_ends_early": r"part: expected its end, got none",
    "reason.node_killed": r"(?P<name>\S+) ended with (?:signal )(?P<number>\d+); last log line: (?P<line>.*)",
    "reason.node_ended": r"(?P<name>\S+) ended with (?:exit code )(?P<number>\d+); last log line: (?P<line>.*)",
    "reason.node_not_ready": r"(?P<name>\S+) was not ready after (?P<seconds>\d+) s; its log: (?P<log>.*)",
    "reason.no_cluster": r"(?P<folder>.+): expected nodes/NAME/config.toml, got none; .*",
}
_SYSTEM: Final = {
    errno.ENOENT: "reason.os.missing",
    errno.EACCES: "reason.os.denied",
    errno.EPERM: "reason.os.denied",
    errno.EISDIR: "reason.os.is_directory",
    errno.ENOTDIR: "reason.os.is_file",
    errno.EEXIST: "reason.os.exists",
    errno.ENOSPC: "reason.os.full",
    errno.EDQUOT: "reason.os.full",
    errno.EROFS: "reason.os.read_only",
    errno.EIO: "reason.os.broken",
    errno.ENAMETOOLONG: "reason.os.long_name",
    errno.ELOOP: "reason.os.loop",
    errno.ENXIO: "reason.os.special",
    errno.ESTALE: "reason.os.gone",
    errno.ENODEV: "reason.os.gone",
}
# Files are written beside their place and moved there: what people know is the place.
_PART: Final = re.compile(r"(?<=/)\.(?P<name>[^/]+?)\.(?:part-\w+|[0-9a-f]{8}\.part)$")
_SPOKEN: Final = re.compile(r"\[Errno (?P<number>\d+)\] (?P<words>[^:;'()]*[^:;'() .])(: '(?P<file>[^']*)')?")


def os_words_told(console: Console, text: str) -> str:
    """The text with each `[Errno 2] No such file or directory: 'x'` in it said in the reader's language."""

    def told(found: re.Match[str]) -> str:
        key = _SYSTEM.get(int(found["number"]))
        if key is None:
            return found[0]
        file = _PART.sub(r"\g<name>", found["file"]) + ": " if found["file"] else ""
        return f"{file}{console.text(key)} (Errno {found['number']})"

    return _SPOKEN.sub(told, text)
