"""The import contracts hold, and no package stands outside them."""

import subprocess
import sys

from tests.architecture.contracts import ROOT, as_toml, contracts, standing

OUTSIDE = {"testing", "console"}
"""testing: guarded by a house rule; console: static files."""


def test_the_contracts_hold():
    command = [sys.executable, "tests/architecture/contracts.py"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_package_stands_in_a_contract():
    packages = {file.parent.name for file in (ROOT / "penstock").glob("*/__init__.py")} - OUTSIDE
    text = as_toml(contracts())
    assert not [name for name in packages if f"penstock.{name}" not in text]


def test_every_folder_of_infra_stands_in_a_contract():
    folders = {file.parent.name for file in (ROOT / "penstock" / "infra").glob("*/__init__.py")}
    text = as_toml(contracts())
    assert not [name for name in folders if f"penstock.infra.{name}" not in text]


def test_the_client_and_the_commands_made_of_it_see_no_part_but_the_language_and_the_pure_ones():
    parts = {file.parent.name for file in (ROOT / "penstock").glob("*/__init__.py")} - OUTSIDE
    for source in ("client", "cli.resources"):
        others = parts - {"client", "spec", "kit", source.partition(".")[0]}
        assert {f"penstock.{part}" for part in others} <= forbidden_to(f"penstock.{source}"), source


def test_the_control_plane_sees_no_driver():
    drivers = {file.parent.name for file in (ROOT / "penstock/catalog/warehouses").glob("*/__init__.py")}
    assert {f"penstock.catalog.warehouses.{driver}" for driver in drivers} <= forbidden_to("penstock.resources")


def forbidden_to(source: str) -> set[str]:
    return {
        module
        for contract in contracts()["contracts"]
        if source in contract.get("source_modules", ())
        for module in contract["forbidden_modules"]
    }


def test_a_package_that_is_not_there_yet_is_left_out():
    contract = {"name": "x", "source_modules": ["penstock.kit", "penstock.not_there"], "layers": ["(penstock.no)"]}
    assert standing(contract) == {"name": "x", "source_modules": ["penstock.kit"], "layers": ["(penstock.no)"]}
