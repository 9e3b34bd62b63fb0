"""Words, tables, figures, pages and the command line."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .report import Report

__all__ = ["Report"]


def __getattr__(name: str) -> Any:
    """Report, imported when asked for: ``python3 -m reports`` starts with nothing installed."""
    if name == "Report":
        from .report import Report

        return Report
    raise AttributeError(f"module 'reports' has no attribute '{name}'")
