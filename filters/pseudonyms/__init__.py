"""Placeholders that stand in for values upstream, and the way back.

`docs/pseudonymization.md` tells what a provider can still link and where a placeholder stays as it is.
"""

from filters.pseudonyms.placeholders import Placeholders
from filters.pseudonyms.restorer import StreamRestorer

__all__ = ["Placeholders", "StreamRestorer"]
