"""The house rules hold for the package, and each rule is shown to bite and to let pass."""

import tomllib
from collections.abc import Callable, Iterable

import pytest

from tests.architecture import rules
from tests.architecture.source import ROOT, Module, code, modules, tracked_files

EVERYWHERE: list[Callable[[Module], Iterable[str]]] = [
    rules.sizes,
    rules.names,
    rules.docstring,
    rules.forbidden_words,
    rules.unfinished,
    rules.future_annotations,
    rules.fences,
    rules.testing_stays_in_tests,
    rules.cli_stays_light,
]


def complaints(rule: Callable[[Module], Iterable[str]], text: str, path: str = "penstock/delivery/window.py") -> list:
    return list(rule(Module.parse(path, text)))


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_the_rule_holds_in_the_whole_package(rule):
    found = [complaint for module in code() for complaint in rule(module)]
    assert not found, "\n".join(found)


def test_slices_are_entered_by_front_doors_that_they_list():
    slices = {rules.slice_of(module.name): module for module in code() if module.is_package}
    slices = {name: module for name, module in slices.items() if name and module.name.count(".") == 2}
    found = [complaint for module in code() for complaint in rules.front_doors(module, slices)]
    assert not found, "\n".join(found)


def test_tests_are_no_packages():
    found = [module.path for module in modules() if module.path.endswith("/tests/__init__.py")]
    found += [file.as_posix() for file in (ROOT / "tests").rglob("__init__.py")]
    assert not found


def test_the_wheel_leaves_tests_out_and_takes_the_bundle():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {"**/tests", "penstock/testing"} <= set(wheel["exclude"])
    assert wheel["artifacts"] == ["penstock/js/bundle/**"]


def test_no_file_names_a_place_of_one_machine_or_a_registry():
    forbidden = [f"/{place}/" for place in ("work", "root")] + [
        ".".join(host)
        for host in (
            ("files", "pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("pypi", "org"),
            ("npm", "jsr", "io"),
        )
    ]
    found = []
    for name in tracked_files():
        text = (ROOT / name).read_bytes()
        found += [f"{name}: {place}" for place in forbidden if place.encode() in text]
    assert not found, "\n".join(found)


def test_every_folder_of_tests_belongs_to_a_suite():
    budgets = tomllib.loads((ROOT / "tests" / "budgets.toml").read_text())
    listed = {path for suite in budgets.values() for path in suite["paths"]}
    on_their_own = {"tests/torture", "tests/data"}
    folders = {f"tests/{file.relative_to(ROOT / 'tests').parts[0]}" for file in (ROOT / "tests").glob("*/**/test_*.py")}
    assert folders <= listed | on_their_own


class TestEachRule:
    def test_a_module_over_500_lines_is_refused_and_one_of_500_is_not(self):
        assert complaints(rules.sizes, "x = 1\n" * 501)
        assert not complaints(rules.sizes, "x = 1\n" * 500)

    def test_a_composition_root_over_150_lines_is_refused(self):
        assert complaints(rules.sizes, "x = 1\n" * 151, "penstock/processes/edge.py")

    def test_a_function_over_60_statements_is_refused_and_one_of_60_is_not(self):
        assert complaints(rules.sizes, "def long():\n" + "    x = 1\n" * 61)
        assert not complaints(rules.sizes, "def long():\n" + "    x = 1\n" * 60)

    def test_a_class_over_400_lines_is_refused(self):
        assert complaints(rules.sizes, "class Long:\n" + "    x = 1\n" * 400)
        assert not complaints(rules.sizes, "class Long:\n" + "    x = 1\n" * 399)

    @pytest.mark.parametrize("path", ["penstock/api/utils.py", "penstock/helpers/__init__.py", "penstock/js/types.py"])
    def test_an_empty_name_is_refused(self, path):
        assert complaints(rules.names, "", path)

    def test_a_module_without_docstring_is_refused(self):
        assert complaints(rules.docstring, "x = 1\n")
        assert not complaints(rules.docstring, '"""Plays a part."""\n')

    @pytest.mark.parametrize("text", ["class DataSink: ...", "def f(tenant_id): ...", "def f(*, gdpr_request): ..."])
    def test_a_word_that_the_glossary_forbids_is_refused(self, text):
        assert complaints(rules.forbidden_words, text)

    def test_a_word_that_only_contains_a_forbidden_one_is_let_pass(self):
        assert not complaints(rules.forbidden_words, "def sinking(tenants_of_old): ...")

    def test_an_unfinished_function_is_refused(self):
        assert complaints(rules.unfinished, "def f():\n    raise NotImplementedError\n")

    def test_future_annotations_are_refused(self):
        assert complaints(rules.future_annotations, "from __future__ import annotations\n")

    @pytest.mark.parametrize(
        "text",
        [
            "import nats",
            "from nats.aio import client",
            "def f():\n    import duckdb\n",
            "import subprocess",
            "import asyncio\nasyncio.create_subprocess_exec('x')\n",
            "from asyncio import create_subprocess_exec",
            "import os\nos.system('x')\n",
            "from sqlalchemy.orm import Session",
        ],
    )
    def test_a_client_outside_its_fence_is_refused(self, text):
        assert complaints(rules.fences, text)

    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("import nats", "penstock/infra/log/link.py"),
            ("import duckdb", "penstock/catalog/warehouses/duckdb/load.py"),
            ("import natsort", "penstock/delivery/window.py"),
            ("from sqlalchemy import Table", "penstock/resources/sources/table.py"),
        ],
    )
    def test_a_client_inside_its_fence_is_let_pass(self, text, path):
        assert not complaints(rules.fences, text, path)

    def test_code_that_imports_testing_is_refused(self):
        assert complaints(rules.testing_stays_in_tests, "from penstock import testing")
        assert complaints(rules.testing_stays_in_tests, "from penstock.testing.receiver import Receiver")

    def test_a_command_that_reaches_the_processes_is_refused_except_inside_up_and_run(self):
        inside = "def up():\n    from penstock.processes.up import up\n"
        assert complaints(rules.cli_stays_light, inside, "penstock/cli/status.py")
        assert complaints(rules.cli_stays_light, "from penstock.processes.up import up\n", "penstock/cli/start.py")
        assert not complaints(rules.cli_stays_light, inside, "penstock/cli/start.py")

    @pytest.mark.parametrize(
        ("text", "uses", "is_refused"),
        [
            ("from penstock.resources.sources import require_source", "('sources',)", False),
            ("from penstock.resources import sources", "('sources',)", False),
            ("from penstock.resources.sources import require_source", "()", True),
            ("from penstock.resources.sources.repository import get_source", "('sources',)", True),
            ("from penstock.resources.sources import repository", "('sources',)", True),
            ("from ..sources.repository import get_source", "('sources',)", True),
            ("from penstock.resources.destinations.repository import get", "()", False),
        ],
    )
    def test_a_slice_is_entered_only_by_its_front_door(self, text, uses, is_refused):
        slices = {
            "sources": Module.parse("penstock/resources/sources/__init__.py", "USES = ()"),
            "destinations": Module.parse("penstock/resources/destinations/__init__.py", f"USES = {uses}"),
        }
        module = Module.parse("penstock/resources/destinations/service.py", text)
        assert bool(list(rules.front_doors(module, slices))) is is_refused
