"""Two offices, each behind a NAT of its own, and an outside where a DRC node and a public office are.

    36.02, 10.0.1.2 -- router, masquerades -- outside, 203.0.113.1 -- router, masquerades -- 34.04, 10.0.2.2
                                              drc-batam and 51.71

`python -m lumbung_testing.behind_nat FOLDER` makes the networks, founds the cluster, puts a recording at each office
and prints one line of JSON with what it saw; `alone` behind it leaves the public office out. The namespaces have no
names and end with the processes in them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_cluster.roster_node import Reach, Role
from lumbung_node.config import Language
from lumbung_testing.chaos.machine import Refused, call, enter_own_network, need_programs
from lumbung_testing.real_clusters import now_ms, on_test_path, real_cluster
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import node_command
from lumbung_tools.localcluster.sites import Site, choose_sites

__all__ = ["HIDDEN", "PUBLIC"]

HIDDEN = ("36.02", "34.04")  # behind NAT
PUBLIC = "51.71"
_OUTSIDE = "203.0.113.1"
_WAIT_S = {True: 60, False: 20}  # whether three copies are to be had
_DIAL_S = 2
_DIALS = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))"


@dataclass(frozen=True, slots=True)
class _Placed(Site):
    """A site with the address of its place."""

    host: str

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def reach(self) -> Reach:
        return Reach(Reach.DIAL_ONLY if self.name in HIDDEN else Reach.PUBLIC)


@contextmanager
def _namespace() -> Iterator[list[str]]:
    """A network namespace that lives as long as a process which only waits; gives the words that enter it."""
    words = ["unshare", "--net", "--", "sh", "-c", "ip link set lo up; echo there; exec cat"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            if holder.stdout.readline().strip() != "there":
                raise Refused("no network namespace inside of another")
            yield ["nsenter", f"--net=/proc/{holder.pid}/ns/net", "--"]
        finally:
            holder.kill()


def _join(inside: list[str], router: list[str], at: int) -> None:
    """office 10.0.AT.2 -- 10.0.AT.1 router 198.51.100.AT -- 198.51.100.100 + AT outside."""
    router_pid = router[1].split("/")[2]
    inside_pid = inside[1].split("/")[2]
    call("ip", "link", "add", f"out{at}", "type", "veth", "peer", "name", "wan", "netns", router_pid)
    call("ip", "address", "add", f"198.51.100.{100 + at}", "peer", f"198.51.100.{at}", "dev", f"out{at}")
    call("ip", "link", "set", f"out{at}", "up")
    call(*router, "ip", "address", "add", f"198.51.100.{at}", "peer", f"198.51.100.{100 + at}", "dev", "wan")
    call(*router, "ip", "link", "set", "wan", "up")
    call(*router, "ip", "route", "add", "default", "via", f"198.51.100.{100 + at}")
    call(*router, "ip", "link", "add", "home", "type", "veth", "peer", "name", "eth", "netns", inside_pid)
    call(*router, "ip", "address", "add", f"10.0.{at}.1/24", "dev", "home")
    call(*router, "ip", "link", "set", "home", "up")
    call(*inside, "ip", "address", "add", f"10.0.{at}.2/24", "dev", "eth")
    call(*inside, "ip", "link", "set", "eth", "up")
    call(*inside, "ip", "route", "add", "default", "via", f"10.0.{at}.1")
    call(*router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    call(*router, "nft", "add table ip nat")
    call(*router, "nft", "add chain ip nat after { type nat hook postrouting priority 100 ; }")
    call(*router, "nft", "add rule ip nat after oifname wan masquerade")


@contextmanager
def _places() -> Iterator[Mapping[str, list[str]]]:
    """Each hidden office's name, and the words that run a program where it is. We ourselves are outside."""
    need_programs("ip", "nft", "unshare", "nsenter")
    enter_own_network()
    call("ip", "address", "add", f"{_OUTSIDE}/32", "dev", "lo")
    with ExitStack() as stack:
        places = {}
        for at, name in enumerate(HIDDEN, start=1):
            inside, router = stack.enter_context(_namespace()), stack.enter_context(_namespace())
            _join(inside, router, at)
            places[name] = inside
        yield places


def _found(folder: Path, offices: Sequence[str]) -> Founded:
    hosts = {name: f"10.0.{at}.2" for at, name in enumerate(HIDDEN, start=1)}
    sites = [
        _Placed(
            site.number,
            site.name,
            site.role,
            site.region,
            site.port,
            site.load_bytes,
            site.capacity_bytes,
            hosts.get(site.name, _OUTSIDE),
        )
        for site in choose_sites(offices, ("batam",), None)
    ]
    return found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=now_ms())


async def _put(founded: Founded, place: Sequence[str], name: str, folder: Path, wait_s: int) -> dict[str, object]:
    """A recording put at the office itself, from inside its network."""
    recording = folder / f"{name}.recording"
    recording.write_bytes(f"biometrics of nobody at {name}".encode())
    words = [sys.executable, "-m", "lumbung_tools", "--lang", "en", "--json", "--home", str(founded.client_home(name))]
    done = await trio.run_process(
        [*place, *words, "put", "--timeout", str(wait_s), str(recording)],
        env=on_test_path(),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    if not done.stdout:
        raise AssertionError(f"put at {name}: {done.stderr.decode()}")
    said: dict[str, object] = json.loads(done.stdout.splitlines()[0])
    return {"code": done.returncode, "copies": said["copies"]}


def _can_dial(place: Sequence[str], site: Site) -> bool:
    host, _, port = site.address.rpartition(":")
    words = [*place, sys.executable, "-c", _DIALS, host, port, str(_DIAL_S)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


async def _run(folder: Path, places: Mapping[str, list[str]], offices: Sequence[str]) -> dict[str, object]:
    founded, wait_s = _found(folder, offices), _WAIT_S[PUBLIC in offices]
    sites = {site.name: site for site in founded.sites}

    def command(config: Path) -> list[str]:
        return [*places.get(config.parent.name, []), *node_command(config)]

    async with real_cluster(founded, command):
        drc = next(site for site in founded.sites if site.role is Role.DRC)
        near, far = HIDDEN
        return {
            "dialled": {
                "office to DRC": _can_dial(places[near], drc),
                "DRC to office": _can_dial([], sites[near]),
                "office to office": _can_dial(places[near], sites[far]),
            },
            "planned": {name: _holders(founded, sites[name]) for name in HIDDEN},
            "put": {name: await _put(founded, places[name], name, folder, wait_s) for name in HIDDEN},
            "notes": list(founded.notes),
        }


def _holders(founded: Founded, site: Site) -> list[str]:
    roster = founded.roster
    nodes = [roster.node(number) for number in roster.holders_of(site.number, 0)]
    return [node.name for node in nodes if node is not None]


def main() -> int:
    try:
        offices = HIDDEN if sys.argv[2:] == ["alone"] else (*HIDDEN, PUBLIC)
        with _places() as places:
            print(json.dumps(trio.run(_run, Path(sys.argv[1]), places, offices)))
    except Refused as refused:
        print(json.dumps({"refused": str(refused)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
