import pytest

from penstock.js.errors import RunnerLost
from penstock.js.sandbox import SyntaxProblem, find_syntax_problem, syntax


@pytest.mark.parametrize(
    "code",
    [
        "// My test code!",
        "",
        "async function onTrack(event, settings) {\n  await fetch('https://example.com')\n}\n",
        "const onTrack = async (event) => event\nzlib = zlib.zlib\n",
        "with (Math) { x = PI }",
        "'use strict'\nfunction onTrack() {}",
        "while (true) {}",
        "throw new Error('it must not run')",
    ],
)
async def test_a_script_in_sloppy_mode_is_parsed_and_not_run(code):
    assert await find_syntax_problem(code) is None


@pytest.mark.parametrize(
    ("code", "message", "line", "column"),
    [
        ("async function onTrack(e) {\n  return e\n", "Unexpected end of input", 3, 1),
        ("const onTrack = async (e) => {\n  await foo(;\n}", "Unexpected token ';'", 2, 13),
        ("let a;\nlet a;", "Identifier 'a' has already been declared", 2, 5),
        ("import x from 'y'", "Cannot use import statement outside a module", 1, 1),
        ("'use strict'; with (a) {}", "Strict mode code may not include a with statement", 1, 15),
        ("return 5", "Illegal return statement", 1, 1),
        ("/* ü€😀 */ ¿", "Invalid or unexpected token", 1, 12),
    ],
)
async def test_a_problem_is_told_with_its_place(code, message, line, column):
    assert await find_syntax_problem(code) == SyntaxProblem(message, line, column)


async def test_what_cannot_be_parsed_in_time_leaves_no_process(monkeypatch):
    monkeypatch.setattr(syntax, "_SECONDS", 0.0)
    with pytest.raises(RunnerLost, match="within 0 s"):
        await find_syntax_problem("1")


async def test_deep_nesting_is_a_problem_like_others_and_not_a_crash():
    found = await find_syntax_problem("(" * 200_000)
    assert found is not None
