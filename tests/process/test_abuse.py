"""A real node under abuse: only listed statuses, memory bounded, an honest station served meanwhile."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import trio

from lumbung_node.adapters.grpc_transport import TlsIdentity
from lumbung_testing.abuse import KINDS
from lumbung_testing.abused import (
    ALLOWED,
    GROWTH_MIB_MAX,
    abusing,
    copies_of_liar,
    honest_puts,
    let_retire,
    resident_mib,
)
from lumbung_testing.abuser import LIAR, RETIRED
from lumbung_testing.callers import admit_station, dial
from lumbung_testing.real_clusters import OFFICES, cluster_up, found
from lumbung_tools.localcluster.founding import Founded

_VICTIM = OFFICES[0]
_SECONDS = 2.0
_PUTS = 20
_FOR_EVER_S = 120.0


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The liar's node and the one that left are down, so that the abuser can speak in their place."""

    founded: Founded
    pid: int
    honest: TlsIdentity


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Cluster]:
    founded = found(tmp_path_factory.mktemp("abuse"))
    with cluster_up(founded) as pids:
        for name in (LIAR, RETIRED):
            os.kill(pids[name], signal.SIGKILL)
        trio.run(let_retire, founded, _VICTIM)
        yield _Cluster(founded, pids[_VICTIM], trio.run(admit_station, founded, _VICTIM, "honest"))


@pytest.mark.parametrize("kind", list(KINDS))
async def test_an_honest_station_is_served_and_the_abuser_gets_only_what_is_listed(
    cluster: _Cluster, kind: str
) -> None:
    before = resident_mib(cluster.pid)
    async with dial(cluster.founded, cluster.honest, _VICTIM) as channel:
        async with abusing(kind, cluster.founded, _VICTIM, _SECONDS) as ended:
            with trio.fail_after(_FOR_EVER_S):  # the abuse goes on until these are durable
                await honest_puts(channel, _PUTS, random.Random(kind))
        await honest_puts(channel, 1, random.Random(f"{kind} after"))

    assert ended.tries > 0
    assert set(ended.statuses) <= ALLOWED[kind], ended.statuses
    assert await copies_of_liar(cluster.founded, _VICTIM) == 0
    assert resident_mib(cluster.pid) - before < GROWTH_MIB_MAX
