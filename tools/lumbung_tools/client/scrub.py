"""What an operator asks of a node's scrub, one unary call each."""

from __future__ import annotations

from lumbung_node.ports.transport import CallKind, Channel, Method
from lumbung_proto.v1 import scrub_pb2
from lumbung_tools.client.ask import ask

__all__ = ["confirm_scrub", "pause_scrub", "scrub_status", "start_scrub"]

_STATUS = Method("/lumbung.v1.ScrubService/ScrubStatus", CallKind.UNARY)
_START = Method("/lumbung.v1.ScrubService/StartScrub", CallKind.UNARY)
_PAUSE = Method("/lumbung.v1.ScrubService/PauseScrub", CallKind.UNARY)
_CONFIRM = Method("/lumbung.v1.ScrubService/ConfirmScrub", CallKind.UNARY)


async def scrub_status(channel: Channel, events: int) -> scrub_pb2.ScrubStatusResponse:
    """State, and at most so many of the newest events."""
    return await ask(channel, _STATUS, scrub_pb2.ScrubStatusRequest(events=events), scrub_pb2.ScrubStatusResponse)


async def start_scrub(channel: Channel) -> scrub_pb2.ScrubState:
    return (await ask(channel, _START, scrub_pb2.StartScrubRequest(), scrub_pb2.StartScrubResponse)).state


async def pause_scrub(channel: Channel) -> scrub_pb2.ScrubState:
    return (await ask(channel, _PAUSE, scrub_pb2.PauseScrubRequest(), scrub_pb2.PauseScrubResponse)).state


async def confirm_scrub(channel: Channel) -> scrub_pb2.ConfirmScrubResponse:
    return await ask(channel, _CONFIRM, scrub_pb2.ConfirmScrubRequest(), scrub_pb2.ConfirmScrubResponse)
