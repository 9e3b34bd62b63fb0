"""The grammar of terms: columns, a few functions of them, and their products. Never evaluated.

    term    = factor { ":" factor }
    factor  = name | function "(" name { "," option } ")"
    option  = word "=" ( number | "[" number { "," number } "]" )
    name    = letters, digits, "_" and "."; any other name stands between backticks

A text that is itself the name of a declared variable is that variable, whatever it contains.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cohort.errors import QuestionError, nearest

Options = tuple[tuple[str, tuple[float, ...]], ...]

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "log": (),
    "log2": (),
    "log10": (),
    "sqrt": (),
    "square": (),
    "rcs": ("knots", "reference"),
    "ns": ("knots", "boundary", "reference"),
}
LONGEST_TERM = 500

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<name>[^\W\d][\w.]*)|`(?P<quoted>[^`]+)`|(?P<mark>[():\[\],=]))"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A variable as it is, or a function of it; options are numbers."""

    name: str
    function: str | None = None
    options: Options = ()

    def option(self, word: str) -> tuple[float, ...]:
        """The numbers given for an option; empty when it was not given."""
        return dict(self.options).get(word, ())

    def __str__(self) -> str:
        return self.name if self.function is None else f"{self.function}({self.name})"


@dataclass(frozen=True, slots=True)
class Term:
    """A product of one or more columns."""

    factors: tuple[Column, ...]

    def __str__(self) -> str:
        return ":".join(str(factor) for factor in self.factors)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables it reads."""
        return tuple(factor.name for factor in self.factors)


def parse_term(text: str, variables: Sequence[str]) -> Term:
    """A term from its text.

    Raises QuestionError saying where the text stops making sense.
    """
    if text in variables:
        return Term((Column(text),))
    if len(text) > LONGEST_TERM:
        raise QuestionError(f"a term has {len(text)} characters; {LONGEST_TERM} is the most.")
    reader = _Reader(text, _tokens(text))
    factors = [reader.factor()]
    while reader.take(":"):
        factors.append(reader.factor())
    reader.end()
    return Term(tuple(factors))


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None:
            raise QuestionError(
                f"the term '{text}' has something unreadable at character {place + 1}: terms are "
                "columns, a:b, and log, log2, log10, sqrt, square, rcs, ns of a column; put a "
                "name with other characters between backticks."
            )
        kind = str(match.lastgroup)
        tokens.append((kind, match.group(kind)))
        place = match.end()
    return tokens


class _Reader:
    """A place in a list of tokens; the one small piece of state in the grammar."""

    __slots__ = ("place", "text", "tokens")

    def __init__(self, text: str, tokens: list[tuple[str, str]]) -> None:
        self.text, self.tokens, self.place = text, tokens, 0

    def take(self, mark: str) -> bool:
        if self.place < len(self.tokens) and self.tokens[self.place] == ("mark", mark):
            self.place += 1
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise self.fault(f"'{mark}'")

    def fault(self, expected: str) -> QuestionError:
        found = self.tokens[self.place][1] if self.place < len(self.tokens) else "the end"
        return QuestionError(f"the term '{self.text}' has '{found}' where {expected} is expected.")

    def end(self) -> None:
        if self.place < len(self.tokens):
            raise self.fault("':' or the end")

    def name(self) -> str:
        if self.place < len(self.tokens) and self.tokens[self.place][0] in ("name", "quoted"):
            self.place += 1
            return self.tokens[self.place - 1][1]
        raise self.fault("a name")

    def number(self) -> float:
        if self.place < len(self.tokens) and self.tokens[self.place][0] == "number":
            self.place += 1
            return float(self.tokens[self.place - 1][1])
        raise self.fault("a number")

    def factor(self) -> Column:
        word = self.name()
        if not self.take("("):
            return Column(word)
        if word not in FUNCTIONS:
            raise QuestionError(
                f"the term '{self.text}' uses a function '{word}'; {nearest(word, list(FUNCTIONS))}"
            )
        name = self.name()
        options = []
        while self.take(","):
            options.append(self.option(word))
        self.need(")")
        return Column(name, word, tuple(options))

    def option(self, function: str) -> tuple[str, tuple[float, ...]]:
        word = self.name()
        if word not in FUNCTIONS[function]:
            raise QuestionError(
                f"'{function}' has no option '{word}'; {nearest(word, FUNCTIONS[function])}"
            )
        self.need("=")
        if not self.take("["):
            return word, (self.number(),)
        numbers = [self.number()]
        while self.take(","):
            numbers.append(self.number())
        self.need("]")
        return word, tuple(numbers)
