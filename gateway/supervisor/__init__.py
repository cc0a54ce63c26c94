"""The processes of `sluis serve`: starts scanners and workers, restarts what dies, drains and stops them."""

from gateway.supervisor.prepare import StartError
from gateway.supervisor.run import State, serve

__all__ = ["StartError", "State", "serve"]
