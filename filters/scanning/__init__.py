"""Scanning in processes of its own, shared by all gateway workers of the host, and the memory of scanned texts.

`python -m filters.scanning --socket PATH` is one scanning process; `ScanClient` is what a gateway worker holds.
"""

from filters.scanning.client import ScanClient

__all__ = ["ScanClient"]
