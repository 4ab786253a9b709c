"""English sentences of the local cluster and the demo, by key, in the order of `local_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["LOCAL_ENGLISH"]

LOCAL_ENGLISH: Final[dict[str, str]] = {
    # cluster
    "cluster.made": "Made a cluster of {nodes:node|nodes} in {folder} (roster epoch {epoch}, cluster id {cluster}).",
    "cluster.note": "Note from the plan: {note}",
    "cluster.offline": (
        "Folders named OFFLINE hold keys that no running machine needs. In the field they lie on media in safes, at"
        " different places."
    ),
    "cluster.next": "Next:",
    "cluster.started": "{nodes:node is|nodes are} up. Ctrl-C stops them.",
    "cluster.stopped": "All nodes are stopped.",
    "cluster.died": "A node ended by itself: {death}",
    "cluster.all_died": "No node is left.",
    "cluster.not_started": "The cluster did not come up. {why}",
    "cluster.head.node": "node",
    "cluster.head.region": "region",
    "cluster.head.address": "address",
    "cluster.head.holders": "copies at",
    "cluster.head.process": "process",
    "cluster.head.log": "log",
    # demo
    "demo.place": "Working in {folder} (file system {file_system}).",
    "demo.in_memory": (
        "Warning: {folder} lies in memory ({file_system}), so what is shown about durability means nothing there."
        " Choose a folder on a disk with --dir."
    ),
    "demo.prepared": "Made {names}; drew {records:enrollment|enrollments} of nobody, {size}, in {seconds} s.",
    "demo.started": "{nodes:process|processes} started and ready in {seconds} s.",
    "demo.row": (
        "{office}: {durable} of {total} durable; with 1 copy {one}, with 2 copies {two}, with 3 of 3 {three};"
        " proven at {proven}"
    ),
    "demo.table.title": "Copies that are proven by signed receipts",
    "demo.table.office": "office",
    "demo.table.durable": "durable",
    "demo.table.one": "1 copy",
    "demo.table.two": "2 copies",
    "demo.table.three": "3 of 3",
    "demo.table.proven": "proven at",
    "demo.enrolled": (
        "{stored} of {records} stored, {safe} with 3 of 3 proven copies, sealed and all in {seconds} s:"
        " {files} enrollments/s, {rate} MB/s."
    ),
    "demo.lost_office": "Killed {office} ({name}) with SIGKILL and deleted its data folder {folder}.",
    "demo.recovered": (
        "As the operator of that office: {count} of {total} fetched ({sources}), opened and equal to what was enrolled,"
        " in {seconds} s, {rate} MB/s."
    ),
    "demo.problem": "Problem: {problem}",
    "demo.more_problems": "... and {count} more.",
    "demo.lost": "{lost} lost. All of it took {seconds} s.",
    "demo.kept": "Everything is kept in {folder}. Go on by hand:",
    "demo.kept.again": "the lost office starts again with an empty disk",
    # help
    "help.cluster.new": (
        "Make a whole cluster for this machine in a new folder: keys, certificates, a signed roster, a home for each"
        " node and a client profile at each."
    ),
    "help.cluster.new.examples": (
        "lumbung cluster new demo --offices 36.02,34.04,73.71 --drc batam\n"
        "lumbung cluster new demo --offices 36.02,34.04 --drc batam --drc surabaya --base-port 7400"
    ),
    "help.cluster.new.offices": "Region codes of the offices, with commas between.",
    "help.cluster.new.drc": "City of a DRC node; may be given more than once.",
    "help.cluster.new.base_port": "First port on 127.0.0.1; without it free ones are chosen.",
    "help.cluster.up": "Run all nodes of a cluster folder, each in its own process, until Ctrl-C or SIGTERM.",
    "help.cluster.up.examples": "lumbung cluster up demo",
    "help.demo.examples": "lumbung demo\nlumbung demo --records 50 --lang en\nlumbung demo --keep --dir /var/tmp",
    "help.demo.keep": "Leave the folder and say how to go on by hand.",
    "help.demo.records": "How many enrollments.",
    "help.demo.dir": "Existing folder on the disk to use; the demo makes its own folder in it.",
    "exit.demo.1": "something was lost or short of copies, or a bug in lumbung",
}
