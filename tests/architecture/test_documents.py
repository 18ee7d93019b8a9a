"""Documents tell the truth about the tree: paths that they name exist, links lead somewhere, generated pages are current."""

import re
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
PATH = re.compile(r"`((?:penstock|tests|docs|bench|\.ci)/[\w./-]*|[\w-]+\.(?:toml|md|lock))`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
ANCHOR = re.compile(r"\]\((?!https?://)([^)#]*)#([^)]+)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MADE_BY_USERS = {"penstock.toml"}


def missing_paths(text: str) -> list[str]:
    named = [path for path in PATH.findall(text) if path not in MADE_BY_USERS]
    return [path for path in named if not (ROOT / path).exists() or path.endswith("/") != (ROOT / path).is_dir()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_path_and_link_of_the_document_exists(document):
    text = document.read_text()
    broken = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert not missing_paths(text) + broken


def anchors(text: str) -> set[str]:
    """Of the headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_link_to_a_heading_finds_it(document):
    for page, heading in ANCHOR.findall(document.read_text()):
        assert heading in anchors((document.parent / page if page else document).read_text()), f"{page}#{heading}"


def test_a_heading_is_found_by_the_anchor_that_is_made_of_it():
    assert anchors("# A `b.c`\n## What, and why?\n") == {"a-bc", "what-and-why"}


def test_a_path_that_does_not_exist_is_found():
    assert missing_paths("see `penstock/nowhere.py` and `penstock/kit/`") == ["penstock/nowhere.py"]


def test_a_folder_is_written_with_a_slash():
    assert missing_paths("see `penstock/kit`") == ["penstock/kit"]


def test_every_hop_of_architecture_names_many_paths():
    assert len(PATH.findall((ROOT / "ARCHITECTURE.md").read_text())) > 40


def test_generated_pages_are_current():
    command = [sys.executable, "docs/generate.py", "--check"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
