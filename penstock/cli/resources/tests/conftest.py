import pytest

from penstock.testing.commands import commands

__all__ = ["commands"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
