"""Why a file cannot be used: what the system, configurations and keys say."""

from __future__ import annotations

from typing import Final

__all__ = ["FILE_ENGLISH"]

FILE_ENGLISH: Final[dict[str, str]] = {
    "reason.os.missing": "there is no such file or folder",
    "reason.os.denied": "this account is not allowed to",
    "reason.os.is_directory": "it is a folder, not a file",
    "reason.os.is_file": "it is a file, not a folder",
    "reason.os.exists": "it exists already",
    "reason.os.full": "the disk is full",
    "reason.os.read_only": "the disk can only be read, not written",
    "reason.os.long_name": "its name is too long",
    "reason.os.loop": "its link leads back to itself",
    "reason.os.special": "it is no file but a pipe, socket or device",
    "reason.os.gone": "its network folder or disk is disconnected",
    "reason.os.broken": "the disk fails",
    "reason.file_unread": "{file} cannot be read: {why}",
    "reason.file_not_toml": "{file} is not valid TOML: {why}",
    "reason.file_named_none": "{file} names the file {path}, which is not there",
    "reason.file_secret_open": "{file}: others can read the secret {path} (mode {mode}). Type: chmod 600 '{path}'",
    "reason.setting_unknown": "{file}: {setting}: unknown key, the nearest known one is {near}",
    "reason.setting_no_table": "{file}: the table {setting} is missing",
    "reason.setting_none": "{file}: {setting} is missing",
    "reason.setting_choice": "{file}: {setting}: expected one of {choices}, got {value}",
    "reason.setting_range": "{file}: {setting}: expected {low} to {high}, got {value}",
    "reason.key_open": "others can read the key file {file} (mode {mode}). Type: chmod 600 '{file}'",
    "reason.key_unread": "the key file {file} cannot be read: {why}",
    "reason.key_there": "{file} exists already, and no key is ever overwritten; move it away first",
    "reason.not_a_certificate": "the file holds no certificate in PEM",
    "reason.file_empty": "it is empty",
    "reason.file_special": "it is no file but a pipe, socket or device, and was left out",
    "reason.sealing_spoilt": "this sealed file of the outbox is spoilt; put the file that it was made of once more",
    "reason.folder_empty": (
        "no file is in this folder (hidden ones and links do not count); if it is a disk, is it mounted?"
    ),
    "reason.no_stdin": "the standard input is closed",
    "reason.list_not_text": "line {line} is not text",
    "reason.file_too_large": "it is too large, the most is {most} bytes; cut it into several files",
    "reason.not_a_backup": "{file} is neither a backup of keys nor its lines from paper",
    "reason.not_a_roster": "the file is no roster of lumbung, or is damaged ({why})",
    "reason.file_shrank": "the file became shorter while it was sent",
    "reason.part_ends_early": "the file ends too early",
    "reason.node_killed": "{name} ended with signal {number}; last log line: {line}",
    "reason.node_ended": "{name} ended with exit code {number}; last log line: {line}",
    "reason.node_not_ready": "{name} was not ready after {seconds} s; its log: {log}",
    "reason.no_cluster": "{folder} holds no cluster; make one with: lumbung cluster new",
    "reason.check": "{what}: expected {expected}, got {got}",
    "reason.no_region": "no region has the code {code} (they look like {such}); near ones: {near}",
    "reason.no_city": "no city is called {name} (they are written like {such}); near ones: {near}",
    "reason.session_ended": "it ended the session; the link comes back by itself",
    "reason.no_address": "an address is written host:port, such as 10.36.2.1:7443; got {text}",
    "reason.not_signed_roster": "this is no signed roster. A draft (.toml) is signed first: lumbung roster sign",
    "reason.not_signed_list": "this is no signed access list. A draft (.toml) is signed first: lumbung access sign",
    "reason.roster_of_config": (
        "the roster that the configuration names is none that can be read; take the one of the pack again"
    ),
    "reason.not_cluster_secret": "{file} is no cluster secret; copy cluster.secret from another node of this cluster",
    "reason.number_of_certificate": "{file}: [node] number should be {number} by {chain}, not {got}",
    "reason.cluster_of_certificate": (
        "the certificate {chain} is of the cluster {got}, the roster {roster} of the cluster {cluster}: one of the two "
        "files belongs elsewhere; take both from this node's pack"
    ),
    "reason.certificate_of_key": (
        "{chain} is not the certificate of the key {secret}; put the two that belong together there, or have a "
        "certificate made for this key: lumbung cert request"
    ),
    "reason.pem_file": (
        "{file} is not the PEM file that belongs there, or is damaged; take it again from the pack or a backup"
    ),
    "reason.tls_unfit": (
        "certificate, TLS key and trust roots do not fit together, or one of them is damaged ({why}); take all "
        "three again from the pack or a backup"
    ),
    "reason.store_locked": (
        "another process has the store in {folder} open: perhaps this node runs already; two nodes never share a data "
        "folder"
    ),
    "reason.wrong_passphrase": (
        "the backup {file} does not open: the passphrase is another one, or the file is damaged. Type it again; "
        "capitals and spaces count. If it stays so, take another copy of the backup"
    ),
    "reason.plan_folder": "something lies in {folder}; name a new or empty folder",
    "reason.plan_twice": "{name} stands there twice; name each node once",
    "reason.plan_city": "a DRC is named by its city in small letters, such as {such}, not {name}",
    "reason.plan_base_port": "the first port is from 1 to {most}, not {got}: choose another --base-port",
    "reason.plan_port": "port {port} is in use, or this account may not use it: choose another --base-port",
    "reason.plan_many": "at most {most} nodes run on one machine; {got} were named",
    "reason.plan_few": "a cluster needs at least one office (--offices) and one DRC (--drc)",
    "reason.plan_no_ports": (
        "{count} free ports from {first} to {last} are needed, {got} are free: stop other programs, or choose "
        "--base-port"
    ),
    "reason.port_taken": "{address} is taken by another program; perhaps this node runs already",
    "reason.cannot_listen": "the node cannot listen on {address}: {why}",
    "reason.identity_remembers_none": (
        "the data folder has a store, but the identity folder remembers none; give the identity folder back, or "
        "if it is lost: lumbung node recover --config FILE"
    ),
    "reason.disk_of_newer": (
        "this store has format {found}, this lumbung reads up to {highest}; install the newer lumbung again"
    ),
}
