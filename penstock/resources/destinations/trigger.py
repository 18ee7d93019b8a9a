"""Judges a subscription's trigger when it is saved, by the reduced language of destinations.md §5.1.

What the official parser refuses at run time, or drops without a word, is refused here with the reason; the one
exception are subjects that it ignores beside others (`groupId`), which existing configurations hold.
"""

import re
from collections.abc import Iterator

import msgspec

TRIGGER_LIMIT = 5_000
_SUBJECT = re.compile(r"(?:type|event|name|userId)$|(?:properties|traits|context)\.(?:[\w.-]|\\.)+$")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?$")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>!=|<=|>=|=|<|>)
      | (?P<mark>[(),!])
      | (?P<word>(?:[^\s"'=<>!(),\\]|\\.)+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_FUNCTIONS = ("contains", "match")
_UNSUPPORTED = ("length", "lowercase", "typeof", "in", "not")


class TriggerError(ValueError):
    """The trigger is refused; the message says why."""


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str

    def says(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


_END = _Token("end", "the end")


def check_trigger(trigger: str) -> None:
    """Raises TriggerError."""
    if len(trigger) > TRIGGER_LIMIT:
        raise TriggerError(f"is longer than {TRIGGER_LIMIT} characters")
    if trigger.strip().lower() in ("", "all"):
        raise TriggerError('must have a condition, such as type = "track"')
    reader = _Reader(list(_tokens(trigger)))
    if not reader.group(depth=0):
        raise TriggerError(
            "tests nothing that a trigger can test: type, event, name, userId, properties, traits, context"
        )


def _tokens(trigger: str) -> Iterator[_Token]:
    place = 0
    text = trigger.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise TriggerError(f"cannot be read from {text[place : place + 20]!r} on")
        yield _Token(str(match.lastgroup), match.group(str(match.lastgroup)))
        place = match.end()


class _Reader:
    """Reads clauses joined by `and`/`or`; parentheses go one level deep."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def _peek(self) -> _Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def _next(self) -> _Token:
        token = self._peek()
        self._place += 1
        return token

    def _expect(self, text: str) -> None:
        if (token := self._next()).text != text or token.kind == "string":
            raise TriggerError(f"has {token.text} where {text} was expected")

    def group(self, depth: int) -> bool:
        """Read to the end of this level; whether one clause tests something."""
        tests = self._clause(depth)
        while self._peek().says("and", "or"):
            self._next()
            tests = self._clause(depth) or tests
        if depth:
            self._expect(")")
        elif self._peek() is not _END:
            raise TriggerError(f"has {self._peek().text} where `and`, `or` or the end was expected")
        return tests

    def _clause(self, depth: int) -> bool:
        token = self._next()
        if token.text == "(" and token.kind == "mark":
            if depth:
                raise TriggerError("nests parentheses, which go one level deep")
            return self.group(depth + 1)
        if token.text == "!" and token.kind == "mark":
            token = self._next()
            if not token.says(*_FUNCTIONS):
                raise TriggerError("has ! before something else than contains() or match()")
        if token.says(*_FUNCTIONS):
            return self._function()
        if token.says(*_UNSUPPORTED):
            raise TriggerError(f"uses {token.text}, which triggers do not know")
        return self._comparison(token)

    def _function(self) -> bool:
        self._expect("(")
        subject = self._subject(self._next())
        self._expect(",")
        if (value := self._next()).kind != "string":
            raise TriggerError(f"has {value.text} where a string in double quotes was expected")
        self._expect(")")
        return subject

    def _comparison(self, token: _Token) -> bool:
        tests = self._subject(token)
        operator = self._next()
        if operator.says(*_UNSUPPORTED):
            raise TriggerError(f"uses {operator.text}, which triggers do not know")
        if operator.kind != "operator":
            raise TriggerError(f"has {operator.text} where one of = != < <= > >= was expected")
        value = self._next()
        if value.kind not in ("string", "word"):
            raise TriggerError(f"has {value.text} where a value was expected")
        if operator.text not in ("=", "!=") and not _NUMBER.match(value.text):
            raise TriggerError(f"compares by {operator.text} with {value.text}, which is no number")
        return tests

    def _subject(self, token: _Token) -> bool:
        if token.kind != "word":
            raise TriggerError(f"has {token.text} where the name of a field was expected")
        return _SUBJECT.match(token.text) is not None
