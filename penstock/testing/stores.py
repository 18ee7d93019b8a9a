"""Looks for what is stored and not registered: the data directory and the streams of a running instance."""

from collections.abc import Iterable
from pathlib import Path

from penstock.spec.stores import path_is_registered, subject_is_registered


def unregistered_files(data: Path) -> list[str]:
    """Files below a data directory that no store of `spec/stores.py` claims."""
    files = (file.relative_to(data).as_posix() for file in sorted(data.rglob("*")) if file.is_file())
    return [file for file in files if not path_is_registered(file)]


def unregistered_subjects(subjects: Iterable[str]) -> list[str]:
    """Subjects, as streams list them, that no store claims."""
    return [subject for subject in subjects if not subject_is_registered(subject)]
