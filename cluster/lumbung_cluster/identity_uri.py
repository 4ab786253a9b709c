"""How certificates name their holder: a URI that decides, and a DNS name beside it because gRPC checks names.

lumbung://CLUSTERHEX/node/NUMBER          n NUMBER.CLUSTERHEX.lumbung (without the space)
lumbung://CLUSTERHEX/access/OFFICE/NAME   a OFFICE.CLUSTERHEX.lumbung (without the space)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId, NodeNumber

__all__ = ["ACCESS_NAME", "AccessIdentity", "Identity", "NodeIdentity", "parse_identity"]

ACCESS_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_NUMBER = r"([1-9][0-9]{0,9})"
_URI = re.compile(rf"lumbung://([0-9a-f]{{32}})/(?:node/{_NUMBER}|access/{_NUMBER}/({ACCESS_NAME.pattern}))")
_NUMBER_MAX = (1 << 32) - 1
_CALLERS_KEPT_MAX = 1024


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A node of the roster."""

    cluster: ClusterId
    number: NodeNumber

    @property
    def uri(self) -> str:
        return f"lumbung://{self.cluster}/node/{self.number}"

    @property
    def dns_name(self) -> str:
        return f"n{self.number}.{self.cluster}.lumbung"


@dataclass(frozen=True, slots=True)
class AccessIdentity:
    """A station or an operator of an office, named by the office's access list."""

    cluster: ClusterId
    office: NodeNumber
    name: str

    def __post_init__(self) -> None:
        if not ACCESS_NAME.fullmatch(self.name):
            raise Malformed("access name", "small letters, digits, dots and dashes, at most 63", repr(self.name))

    @property
    def uri(self) -> str:
        return f"lumbung://{self.cluster}/access/{self.office}/{self.name}"

    @property
    def dns_name(self) -> str:
        return f"a{self.office}.{self.cluster}.lumbung"


Identity = NodeIdentity | AccessIdentity


@lru_cache(maxsize=_CALLERS_KEPT_MAX)
def parse_identity(uri: str) -> Identity:
    """The identity in a URI; only the one spelling that `uri` gives is accepted. Raises Malformed.

    Asked twice for each call; the few that call are remembered.
    """
    found = _URI.fullmatch(uri)
    number = int(found[2] or found[3]) if found else 0
    if found is None or number > _NUMBER_MAX:
        expected = "lumbung://CLUSTER/node/NUMBER or lumbung://CLUSTER/access/OFFICE/NAME"
        raise Malformed("identity", expected, repr(uri[:200]))
    cluster = ClusterId(bytes.fromhex(found[1]))
    if found[4] is None:
        return NodeIdentity(cluster, NodeNumber(number))
    return AccessIdentity(cluster, NodeNumber(number), found[4])
