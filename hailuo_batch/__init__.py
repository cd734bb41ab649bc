"""Video campaigns from a manifest: Hailuo Pro at Runbase, resumable, and nothing paid for twice.

`from hailuo_batch import Campaign` is the way in for Python. What is named in `__all__` stays; everything else in the
package may change. A name is imported when it is first asked for: the command line, which starts here too, needs none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hailuo_batch.errors import (
        AccountError,
        BusyError,
        ConsentMissingError,
        ExitCode,
        HailuoBatchError,
        LedgerError,
        ManifestError,
        OutputError,
        UnfinishedError,
        UsageError,
    )
    from hailuo_batch.interface.campaign import Campaign
    from hailuo_batch.interface.events import (
        Created,
        Downloaded,
        Event,
        Failed,
        Finished,
        InDoubt,
        Notice,
        Planned,
        Progress,
        Stopped,
    )
    from hailuo_batch.interface.money import Money
    from hailuo_batch.interface.stream import EventStream
    from hailuo_batch.interface.values import (
        Abandon,
        ApplyResult,
        Finding,
        NameRun,
        Plan,
        PlannedTake,
        Resubmit,
        Retried,
        Spending,
        Status,
        TakeStatus,
        Validation,
    )

__version__ = "0.2.0"

_PLACES = {
    "errors": (
        *("AccountError", "BusyError", "ConsentMissingError", "ExitCode", "HailuoBatchError", "LedgerError"),
        *("ManifestError", "OutputError", "UnfinishedError", "UsageError"),
    ),
    "interface.campaign": ("Campaign",),
    "interface.events": (
        *("Created", "Downloaded", "Event", "Failed", "Finished", "InDoubt", "Notice", "Planned", "Progress"),
        "Stopped",
    ),
    "interface.money": ("Money",),
    "interface.stream": ("EventStream",),
    "interface.values": (
        *("Abandon", "ApplyResult", "Finding", "NameRun", "Plan", "PlannedTake", "Resubmit", "Retried", "Spending"),
        *("Status", "TakeStatus", "Validation"),
    ),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Abandon",
    "AccountError",
    "ApplyResult",
    "BusyError",
    "Campaign",
    "ConsentMissingError",
    "Created",
    "Downloaded",
    "Event",
    "EventStream",
    "ExitCode",
    "Failed",
    "Finding",
    "Finished",
    "HailuoBatchError",
    "InDoubt",
    "LedgerError",
    "ManifestError",
    "Money",
    "NameRun",
    "Notice",
    "OutputError",
    "Plan",
    "Planned",
    "PlannedTake",
    "Progress",
    "Resubmit",
    "Retried",
    "Spending",
    "Status",
    "Stopped",
    "TakeStatus",
    "UnfinishedError",
    "UsageError",
    "Validation",
    "__version__",
]


if not TYPE_CHECKING:  # for whom every name that there is stands above

    def __getattr__(name: str) -> object:
        """Import the public name, which is kept from then on."""
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
