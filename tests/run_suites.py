"""Runs the suites of `budgets.toml` in their order, prints the time of each, and fails on one that took too long.

Two run at once, and the next begins when one of them ends; what a suite prints stands together.

Usage: `python tests/run_suites.py [suite …]`; without names, all. Every failure of all suites is told again at the end,
and the last line is the sum over all suites.
"""

import os
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1.5
LONGEST_REASON = 300
AT_ONCE = 2
"""Suites: most of them mostly wait for what they started, and the longest come first."""


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


def run_suite(
    name: str, paths: list[str], share: float, workers: int = 1, database: str = "", out: TextIO = sys.stdout
) -> Tally:
    """Run pytest on those folders that exist; a suite of which none exists is not there yet."""
    found = [path for path in paths if (ROOT / path).is_dir()]
    if not found:
        return Tally()
    out.write(f"\n── {name}\n")
    out.flush()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        parallel = ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []
        command = [sys.executable, "-m", "pytest", "-m", "not torture", f"--junitxml={report}", *parallel, *found]
        environment = os.environ | ({"PENSTOCK_TEST_DATABASE": database} if database else {})
        code = subprocess.run(command, cwd=ROOT, check=False, env=environment, stdout=out, stderr=out).returncode
        seconds = time.monotonic() - began
        tally = counted(report)
    if code and not tally.failed:
        tally.failed += 1
        tally.problems.append(f"{name}: pytest ended with code {code}")
    if seconds > share * TOLERANCE:
        tally.failed += 1
        tally.problems.append(f"{name}: {seconds:.0f} s is more than {TOLERANCE} x its share of {share} s")
    out.write(f"── {name} took {seconds:.1f} s (share {share} s)\n")
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
        tally.problems += [problem for case in suite.iter("testcase") if (problem := problem_of(case))]
    return tally


def problem_of(case: ET.Element) -> str:
    """The test, and the last line of what it says of its failure; empty for one that passed."""
    failure = case.find("failure")
    failure = case.find("error") if failure is None else failure
    if failure is None:
        return ""
    words = (failure.get("message") or failure.text or "").strip().splitlines() or ["?"]
    return f"{case.get('classname')}::{case.get('name')}: {words[0][:LONGEST_REASON]}"


def run_alone_or_beside(name: str, suite: dict, *, is_alone: bool) -> Tally:
    """What one prints that runs beside another is printed when it has ended."""
    if is_alone:
        return run_suite(name, **suite)
    sys.stdout.write(f"· {name} runs\n")
    sys.stdout.flush()
    with tempfile.TemporaryFile("w+") as aside:
        tally = run_suite(name, **suite, out=aside)
        aside.seek(0)
        sys.stdout.write(aside.read())
        sys.stdout.flush()
    return tally


def main(wanted: list[str]) -> int:
    known = suites()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.stderr.write(f"there is no suite {unknown[0]!r}; suites are {', '.join(known)}\n")
        return 2
    total = Tally()
    began = time.monotonic()
    names = wanted or list(known)
    with ThreadPoolExecutor(AT_ONCE) as lines:
        for tally in lines.map(lambda name: run_alone_or_beside(name, known[name], is_alone=len(names) == 1), names):
            total.add(tally)
    if total.problems:
        sys.stdout.write("\n── what failed\n" + "".join(f"{problem}\n" for problem in total.problems))
    sys.stdout.write(f"\nall suites took {time.monotonic() - began:.0f} s\n")
    sys.stdout.write(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped\n")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
