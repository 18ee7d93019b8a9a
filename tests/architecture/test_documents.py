"""Documents tell the truth about the tree: paths that they name exist, links lead somewhere, generated pages are current."""

import re
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
PATH = re.compile(r"`((?:penstock|tests|docs|bench|\.ci)/[\w./-]*|[\w-]+\.(?:toml|md|lock))`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
MADE_BY_USERS = {"penstock.toml"}


def missing_paths(text: str) -> list[str]:
    named = [path for path in PATH.findall(text) if path not in MADE_BY_USERS]
    return [path for path in named if not (ROOT / path).exists() or path.endswith("/") != (ROOT / path).is_dir()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_path_and_link_of_the_document_exists(document):
    text = document.read_text()
    broken = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    assert not missing_paths(text) + broken


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
