"""Every health code has its page in both languages, and docs/health is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_cluster.health import HealthCode
from lumbung_node.config import Language
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.output.health_pages import health_page, markdown_files

FOLDER = Path(__file__).parents[2] / "docs" / "health"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", HealthCode)
def test_every_health_code_has_a_page_with_cause_and_cure(code: HealthCode, language: Language) -> None:
    """A new code needs `page.CODE.*` in catalogue/health_pages_*.py, then `make health-pages`."""
    page = health_page(Catalogue(language), code.name)

    assert page.title
    assert page.means
    assert page.causes
    assert page.cures
    assert all(len(line) <= 80 for line in page.lines())


def test_the_pages_in_docs_are_those_of_the_catalogue() -> None:
    present = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}

    assert present == markdown_files(), "make health-pages"


@pytest.mark.parametrize("language", Language)
def test_operations_leads_to_the_page_of_every_code(language: Language) -> None:
    page = (FOLDER.parent / f"operations.{language.value}.md").read_text(encoding="utf-8")

    lacking = [code.name for code in HealthCode if f"[{code.name}](health/{code.name}.{language.value}.md)" not in page]

    assert lacking == []
