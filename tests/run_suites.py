"""Runs the suites of `budgets.toml` one after another, prints the time of each, and fails on one that took too long.

Usage: `python tests/run_suites.py [suite …]`; without names, all. The last line is the sum over all suites.
"""

import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1.5


@dataclass
class Tally:
    """Counts of one suite, or of all."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.problems += other.problems


def suites() -> dict[str, dict]:
    return tomllib.loads((ROOT / "tests" / "budgets.toml").read_text())


def run_suite(name: str, paths: list[str], share: float, workers: int = 1) -> Tally:
    """Run pytest on those folders that exist; a suite of which none exists is not there yet."""
    found = [path for path in paths if (ROOT / path).is_dir()]
    if not found:
        return Tally()
    sys.stdout.write(f"\n── {name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        parallel = ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []
        command = [sys.executable, "-m", "pytest", "-m", "not torture", f"--junitxml={report}", *parallel, *found]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        seconds = time.monotonic() - began
        tally = counted(report)
    if code and not tally.failed:
        tally.failed += 1
        tally.problems.append(f"{name}: pytest ended with code {code}")
    if seconds > share * TOLERANCE:
        tally.failed += 1
        tally.problems.append(f"{name}: {seconds:.0f} s is more than {TOLERANCE} x its share of {share} s")
    sys.stdout.write(f"── {name} took {seconds:.1f} s (share {share} s)\n")
    return tally


def counted(report: Path) -> Tally:
    """The counts of a JUnit report; nothing where pytest did not come to write one."""
    tally = Tally()
    if not report.exists():
        return tally
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it a moment ago
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        tally.failed += failed
        tally.skipped += skipped
        tally.passed += max(0, int(suite.get("tests", 0)) - failed - skipped)
    return tally


def main(wanted: list[str]) -> int:
    known = suites()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.stderr.write(f"there is no suite {unknown[0]!r}; suites are {', '.join(known)}\n")
        return 2
    total = Tally()
    began = time.monotonic()
    for name in wanted or known:
        total.add(run_suite(name, **known[name]))
    for problem in total.problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"\nall suites took {time.monotonic() - began:.0f} s\n")
    sys.stdout.write(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped\n")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
