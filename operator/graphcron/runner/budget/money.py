"""Money, exactly: integers of a billionth of a billionth, and decimals as text. No floats, and no slow import."""

from collections.abc import Mapping, Sequence
from typing import Final

DIGITS: Final = 18
"""Decimal places of our unit: enough for a price of twelve, of a million tokens."""

MILLION_DIGITS: Final = 6


def units(text: str) -> int:
    """Return a decimal such as ``12.50`` in our unit.

    Raises
    ------
    ValueError
        It is none, or has too many places.
    """
    whole, _, part = text.strip().partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdecimal()) or len(part) > DIGITS:
        raise ValueError("not a decimal number")
    return int((whole or "0") + part.ljust(DIGITS, "0"))


def text_of(amount: int) -> str:
    """Return our unit as a decimal without trailing zeros."""
    whole, part = divmod(amount, 10**DIGITS)
    return f"{whole}.{part:0{DIGITS}d}".rstrip("0").rstrip(".")


class Prices:
    """What tokens cost, by model.

    Parameters
    ----------
    table
        By model, or ``*`` for all others: the prices of a million tokens of input and of output.

    Raises
    ------
    ValueError
        A price is not a decimal number.
    """

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self._table = {model: (self._each(pair[0]), self._each(pair[1])) for model, pair in table.items()}

    def cost(self, names: tuple[str, ...], asked: int, answered: int) -> int | None:
        """Return what a model's tokens cost; None: no price is known under any of its names."""
        for name in (*names, "*"):
            if name and name in self._table:
                price_asked, price_answered = self._table[name]
                return asked * price_asked + answered * price_answered
        return None

    @staticmethod
    def _each(text: str) -> int:
        amount, rest = divmod(units(text), 10**MILLION_DIGITS)
        if rest:
            raise ValueError("a price has more than twelve decimal places")
        return amount
