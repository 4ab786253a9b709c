"""The first half of the demo: every office seals and puts its enrollments, as its station would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.outbox import Outbox
from lumbung_tools.client.prepare import Preparer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.localcluster.sites import Site
from lumbung_tools.packages.package import draw_package

__all__ = ["PutTally", "draw_enrollments", "put_enrollments"]

_COPIES = 3
_WAIT_S = 30.0  # on a slow disk all copies may need longer than a station would wait
_RETRY_S = 10.0


@dataclass(slots=True)
class PutTally:
    """What the node said of each file so far. `stored` holds every file with a durable answer and its id."""

    stored: dict[Path, BlobId] = field(default_factory=dict)
    safe: int = 0
    problems: list[str] = field(default_factory=list)


def draw_enrollments(folder: Path, offices: Sequence[Site], records: int, seed: int) -> Mapping[str, Sequence[Path]]:
    """Write `records` packages, dealt out to the offices in turn; the files of each office by its name."""
    drawn: dict[str, list[Path]] = {site.name: [] for site in offices}
    for index in range(records):
        site = offices[index % len(offices)]
        package = draw_package(site.region, index, seed)
        file = folder / site.name / package.file_name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(package.content)
        drawn[site.name].append(file)
    return drawn


async def put_enrollments(session: Session, files: Sequence[Path], tally: PutTally) -> LumbungError | None:
    """Put all files of one office over one stream, asking for three copies; `tally` grows with the answers."""
    secret = session.profile.read_tag_secret()
    outbox = Outbox(session.profile.outbox, secret)
    recipients = session.roster.seal_recipients(session.profile.node)

    def unusable(label: str, why: Exception) -> None:
        tally.problems.append(f"{label}: {why}")

    preparer = Preparer(outbox, secret, recipients, session.blocking, unusable)

    def answered(item: PutItem, answer: PutAnswer) -> None:
        if answer.outcome.is_durable and answer.id is not None:
            tally.stored[Path(item.label)] = answer.id
            preparer.forget(item)
        if answer.final and answer.copies.safe:
            tally.safe += 1
        if answer.final and not answer.outcome.is_durable:
            tally.problems.append(f"{item.label}: {answer.outcome.value}: {answer.sentence}")

    terms = PutTerms(copies=_COPIES, wait_s=_WAIT_S, retry_s=_RETRY_S)
    batches = preparer.batches([str(file) for file in files], None)
    return await put_many(session.own, batches, terms, session.blocking, answered)
