"""Tokens to a tree, by recursive descent; one method per level of precedence, the loosest first."""

import math
from collections.abc import Callable

from penstock.spec.fql.errors import FqlSyntaxError
from penstock.spec.fql.functions import FUNCTIONS
from penstock.spec.fql.lexer import Token, error_at, tokens_of, unescaped
from penstock.spec.fql.tree import COMPARISONS, All, Call, Comparison, Junction, ListOf, Literal, Node, Not, Path

_Level = Callable[[], Node]
DEPTH_LIMIT = 32
"""Parentheses, lists, calls and negations in each other."""
_WORDS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Node:
    """The tree of an expression. Raises FqlSyntaxError."""
    return _Parser(text).whole()


def parse_condition(text: str) -> Node | All:
    """The tree of a filter's condition, which may be the one word `all`. Raises FqlSyntaxError."""
    return All() if text.strip() == "all" else parse(text)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._place = 0
        self._depth = 0

    def whole(self) -> Node:
        found = self._or()
        if (token := self._peek()).kind != "end":
            raise self._error(token, self._what_follows(token))
        return found

    def _or(self) -> Node:
        return self._junction("or", self._and)

    def _and(self) -> Node:
        return self._junction("and", self._comparison)

    def _junction(self, word: str, operand: _Level) -> Node:
        operands = [operand()]
        while self._takes("word", word):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Junction(word, tuple(operands))

    def _comparison(self) -> Node:
        left = self._unary()
        token = self._peek()
        if token.text not in COMPARISONS or token.kind not in ("mark", "word"):
            return left
        self._place += 1
        if token.text == "=" and self._peek().text == "=" and self._peek().kind == "mark":
            raise self._error(token, "equality is written with one =")
        return Comparison(token.text, left, self._unary())

    def _unary(self) -> Node:
        token = self._peek()
        if not self._takes("mark", "!"):
            return self._primary()
        self._enter(token)
        found = Not(self._unary())
        self._depth -= 1
        return found

    def _primary(self) -> Node:
        token = self._next()
        match token.kind:
            case "string":
                return Literal(token.text[1:-1])
            case "number":
                return self._number(token)
            case "word" if token.text in _WORDS:
                return Literal(_WORDS[token.text])
            case "name":
                return self._call(token) if self._peek().text == "(" else self._path(token)
            case "mark" if token.text == "(":
                return self._group(token)
            case "mark" if token.text == "[":
                return self._list(token)
        raise self._error(token, f"found {_named(token)} where a value, a field or a parenthesis was expected")

    def _number(self, token: Token) -> Literal:
        value = float(token.text) if "." in token.text else int(token.text)
        if not math.isfinite(float(token.text)):
            raise self._error(token, "the number is too large")
        return Literal(value)

    def _group(self, opening: Token) -> Node:
        self._enter(opening)
        found = self._or()
        self._expect(")", opening)
        return found

    def _list(self, opening: Token) -> ListOf:
        self._enter(opening)
        items: list[Node] = []
        if self._peek().text != "]":
            items.append(self._unary())
            while self._takes("mark", ","):
                items.append(self._unary())
        self._expect("]", opening)
        return ListOf(tuple(items))

    def _call(self, name: Token) -> Call:
        function = FUNCTIONS.get(name.text)
        if function is None:
            raise self._error(name, f"there is no function {name.text}; functions are {', '.join(FUNCTIONS)}")
        opening = self._next()
        self._enter(opening)
        arguments: list[Node] = []
        if self._peek().text != ")":
            arguments.append(self._or())
            while self._takes("mark", ","):
                arguments.append(self._or())
        self._expect(")", opening)
        if len(arguments) != function.arity:
            plural = "" if function.arity == 1 else "s"
            message = f"{name.text} takes {function.arity} argument{plural} and has {len(arguments)}"
            raise self._error(name, message)
        return Call(name.text, tuple(arguments))

    def _path(self, first: Token) -> Path:
        keys = [unescaped(first.text)]
        while self._takes("mark", "."):
            token = self._next()
            if token.kind == "name":
                keys.append(unescaped(token.text))
            elif token.kind in ("word", "number"):
                spelled = self._text[token.at : token.at + len(token.text)]
                raise self._error(token, f"a field named {spelled} is written \\{spelled}")
            else:
                raise self._error(token, f"found {_named(token)} where the name of a field was expected")
        return Path(tuple(keys))

    def _enter(self, token: Token) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._error(token, f"the expression is nested deeper than {DEPTH_LIMIT} levels")

    def _expect(self, closing: str, opening: Token) -> None:
        token = self._next()
        if token.text != closing or token.kind != "mark":
            wanted = f"{closing} was expected for the {opening.text}"
            raise self._error(token, f"found {_named(token)} where {wanted}")
        self._depth -= 1

    def _peek(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._peek()
        if token.kind != "end":
            self._place += 1
        return token

    def _takes(self, kind: str, text: str) -> bool:
        token = self._peek()
        if token.kind != kind or token.text != text:
            return False
        self._place += 1
        return True

    def _what_follows(self, token: Token) -> str:
        if token.text in COMPARISONS and token.kind in ("mark", "word"):
            return "comparisons do not chain; parentheses tell which comes first"
        return f"found {_named(token)} where an operator or the end was expected"

    def _error(self, token: Token, message: str) -> FqlSyntaxError:
        return error_at(self._text, token.at, message)


def _named(token: Token) -> str:
    return token.text if len(token.text) <= 40 else f"{token.text[:40]}…"
