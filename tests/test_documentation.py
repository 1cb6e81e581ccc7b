"""What keeps the documentation whole; its code blocks are collected by the root conftest."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
]

EXECUTED = {"python", "bash", "toml", "json"}
SHOWN = {"text", "{toctree}", "{eval-rst}"}
"""Output, synopses, and what Sphinx makes."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_code_blocks_are_of_a_language_that_is_executed(page: Path) -> None:
    languages = set(re.findall(r"^ *```(.+)$", page.read_text(), re.MULTILINE))
    assert languages <= EXECUTED | SHOWN


@each_page
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_index_of_the_documentation_names_every_guide_and_reference() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    pages = [
        page.relative_to(ROOT / "docs").as_posix()
        for room in ("tutorial", "how-to", "reference", "explanation")
        for page in (ROOT / "docs" / room).glob("*.md")
    ]
    assert [page for page in pages if f"]({page})" not in index] == []
