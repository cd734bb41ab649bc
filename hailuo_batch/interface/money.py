"""An amount of money as a program gets it: exact, comparable, and never a float."""

from dataclasses import dataclass
from decimal import Decimal

from hailuo_batch.values import MICRO_USD_PER_USD, format_usd


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in millionths of a US dollar. `str(money)` is `$1.68`."""

    micro_usd: int

    @property
    def usd(self) -> Decimal:
        """The amount in US dollars, exact."""
        return Decimal(self.micro_usd) / MICRO_USD_PER_USD

    def __str__(self) -> str:
        return format_usd(self.micro_usd)


def money(micro_usd: int | None) -> Money | None:
    """The amount, None where it is unknown."""
    return None if micro_usd is None else Money(micro_usd)
