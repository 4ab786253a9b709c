"""The worlds in which each transport contract is tested."""

from __future__ import annotations

import pytest

from lumbung_testing.transports import GrpcWorld, TransportWorld, VirtualWorld


@pytest.fixture(params=["virtual", "grpc"])
def world(request: pytest.FixtureRequest) -> TransportWorld:
    return VirtualWorld() if request.param == "virtual" else GrpcWorld()
