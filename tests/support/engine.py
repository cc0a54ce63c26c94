"""The stand-in engine of the scanning tests under a version that may stand in a record."""

from tests.filters.scanning import stand_in


class Engine(stand_in.Engine):
    def __init__(self) -> None:
        super().__init__()
        self.version = "stand-in-1"
