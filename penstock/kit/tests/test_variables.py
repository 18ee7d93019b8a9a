import re
from pathlib import Path

import pytest

import penstock
from penstock.kit.settings import Settings, environment_of
from penstock.kit.variables import unheeded


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PROT", "PORT"),
        ("port", "PORT"),
        ("LOGFORMAT", "LOG_FORMAT"),
        ("DATABASE", "DATABASE_URL"),
        ("OUTBOUND_ALOW", "OUTBOUND_ALLOW"),
        ("DEDUPE_SECONDS", "DEDUPE_HOURS"),
        ("TLS_CERTIFICATE", "TLS_CERT"),
        ("TOKENS", "TOKEN"),
        ("RUNNER", "RUNNERS"),
    ],
)
def test_what_was_probably_meant_is_told(name, meant):
    (told,) = unheeded({f"PENSTOCK_{name}": "1"})
    assert told == f"PENSTOCK_{name} is set and is no setting; did you mean PENSTOCK_{meant}?"


def test_a_name_like_no_other_is_told_as_it_is():
    assert unheeded({"PENSTOCK_WEATHER": "1"}) == ["PENSTOCK_WEATHER is set and is no setting"]


def test_settings_and_the_variables_of_others_are_passed_over():
    assert unheeded(environment_of(Settings()) | {"PATH": "/", "PEN": "1", "_PENSTOCK_COMPLETE": "1"}) == []


def test_every_variable_that_the_code_knows_is_known_here():
    root = Path(penstock.__file__).parent
    product = [file for file in root.rglob("*.py") if not {"tests", "testing"} & set(file.relative_to(root).parts)]
    names = {name for file in product for name in re.findall(r"\bPENSTOCK_[A-Z_]*[A-Z]\b", file.read_text())}
    assert {"PENSTOCK_DATA", "PENSTOCK_TOKEN", "PENSTOCK_OWN_PORTS"} <= names
    assert unheeded(dict.fromkeys(names, "1")) == []
