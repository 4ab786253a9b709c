"""A page for each health code, made from the catalogue: on the terminal, and as docs/health/CODE.LANGUAGE.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from lumbung_cluster.health import HealthCode
from lumbung_node.config import Language
from lumbung_tools.catalogue.text import Catalogue

__all__ = ["HealthPage", "health_page", "index_markdown", "markdown_files"]

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class HealthPage:
    """One code in one language. `mute` says when a mute is in order."""

    code: str
    title: str
    means: str
    severity: str
    causes: list[str]
    cures: list[str]
    mute: str
    heads: dict[str, str]

    def lines(self) -> Iterator[str]:
        """For a terminal of 80 columns."""
        yield f"{self.code}: {self.title}"
        yield ""
        yield from _wrapped(self.means)
        yield from _wrapped(self.severity)
        for head, items in (("causes", self.causes), ("cures", self.cures)):
            yield ""
            yield f"{self.heads[head]}:"
            for place, item in enumerate(items, start=1):
                mark = f"{place}. " if head == "cures" else "- "
                yield from _wrapped(item, first=mark)
        yield ""
        yield from _wrapped(self.mute)

    def markdown(self) -> str:
        parts = [f"# {self.code}", f"**{self.title}**", self.means, self.severity, f"## {self.heads['causes']}"]
        parts.append("\n".join(f"- {cause}" for cause in self.causes))
        parts.append(f"## {self.heads['cures']}")
        parts.append("\n".join(f"{place}. {cure}" for place, cure in enumerate(self.cures, start=1)))
        parts.append(self.mute)
        return "\n\n".join(_broken(part) for part in parts) + "\n"


def health_page(catalogue: Catalogue, code: str) -> HealthPage:
    """Raises KeyError for a code without a page."""
    name = code.lower()
    return HealthPage(
        code=code,
        title=catalogue.text(f"page.{name}.title"),
        means=catalogue.text(f"page.{name}.means"),
        severity=catalogue.text(f"page.{name}.severity"),
        causes=catalogue.text(f"page.{name}.causes").splitlines(),
        cures=catalogue.text(f"page.{name}.cures").splitlines(),
        mute=catalogue.text(f"page.{name}.mute"),
        heads={head: catalogue.text(f"page.head.{head}") for head in ("causes", "cures")},
    )


def markdown_files() -> dict[str, str]:
    """What docs/health holds, by file name."""
    files = {}
    for language in Language:
        catalogue = Catalogue(language)
        files[f"README.{language.value}.md"] = index_markdown(catalogue)
        for code in HealthCode:
            files[f"{code.name}.{language.value}.md"] = health_page(catalogue, code.name).markdown()
    return files


def index_markdown(catalogue: Catalogue) -> str:
    """All codes with their titles."""
    heads = [catalogue.text(f"page.index.{head}") for head in ("code", "title")]
    rows = [
        f"| [{code.name}]({code.name}.{catalogue.language.value}.md) | {health_page(catalogue, code.name).title} |"
        for code in HealthCode
    ]
    table = "\n".join([f"| {heads[0]} | {heads[1]} |", "| --- | --- |", *rows])
    intro = _broken(catalogue.text("page.index.intro"))
    return f"# {catalogue.text('page.index.head')}\n\n{intro}\n\n{table}\n"


def _wrapped(text: str, first: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False)


def _broken(part: str) -> str:
    """Lines of at most 120 characters; items of a list hang under their mark."""
    lines = []
    for line in part.splitlines():
        indent = "  " if line.startswith("- ") else "   " if line[:1].isdigit() else ""
        lines += textwrap.wrap(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)
