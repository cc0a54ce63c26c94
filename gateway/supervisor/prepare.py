"""What must stand before the first process starts: folders, one supervisor at a time, the port, the environment."""

import errno
import fcntl
import os
import shutil
import socket
import time
from pathlib import Path
from typing import IO, Final

import gateway
from gateway.settings import Settings

_MAX_SOCKET_PATH: Final = 100  # bytes; Linux takes 107, other systems 103
_BIND_ATTEMPTS: Final = 20  # a second in all: the processes of a supervisor that was killed need a moment to end


class StartError(Exception):
    """The gateway cannot start; the message is for the operator and holds settings only."""


def check(settings: Settings) -> None:
    """Refuse settings that cannot work. Raises StartError."""
    if settings.is_sqlite and settings.workers > 1:
        raise StartError(
            f"SLUIS_WORKERS is {settings.workers}, but SQLite takes one worker only: several would wait for each "
            "other's locks. Set SLUIS_WORKERS=1, or SLUIS_DATABASE_URL to a PostgreSQL database."
        )
    longest = max(len(os.fsencode(path)) for path in settings.scanner_sockets)
    if longest > _MAX_SOCKET_PATH:
        raise StartError(
            f"The path of the scanners' sockets has {longest} bytes; the system takes {_MAX_SOCKET_PATH}. "
            "Set SLUIS_DATA_DIR to a shorter path."
        )


def folders(settings: Settings) -> None:
    """data, secrets and run folders, for our own user only (mode 0700). Raises StartError."""
    for folder in (settings.data_dir, settings.secrets_dir, settings.run_dir):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StartError(
                f"The folder {folder} cannot be made or protected ({errno.errorcode.get(error.errno or 0, 'error')}). "
                "Give it to the user that runs the gateway, or set SLUIS_DATA_DIR."
            ) from None


def lock(settings: Settings) -> IO[str]:
    """Held as long as the file is open: two supervisors on one data folder would replace each other's sockets."""
    file = (settings.run_dir / "lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StartError(
            f"A gateway is already running on {settings.data_dir}. Stop it first, or set SLUIS_DATA_DIR."
        ) from None
    return file


def metrics_folder(settings: Settings) -> Path:
    """A fresh folder for prometheus_client's multi-process files; what older runs left is removed."""
    for old in settings.run_dir.glob("metrics-*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = settings.run_dir / f"metrics-{os.getpid()}"
    folder.mkdir(mode=0o700)
    return folder


def bind(host: str, port: int) -> socket.socket:
    """The listening socket that all workers share; port 0 takes a free one. Raises StartError."""
    for attempt in range(_BIND_ATTEMPTS):
        try:
            family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
            both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
            return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or attempt == _BIND_ATTEMPTS - 1:
                name = errno.errorcode.get(error.errno or 0, "address not found")
                raise StartError(
                    f"Cannot listen on {host} port {port} ({name}). "
                    "Stop what listens there, or set SLUIS_HOST, SLUIS_PORT or SLUIS_METRICS_PORT."
                ) from None
            time.sleep(0.05)
    raise AssertionError  # pragma: no cover - the loop returns or raises


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment of the child processes: ours, with exactly these settings, and our packages importable."""
    env = dict(os.environ)
    for name, value in settings.model_dump().items():
        key = f"SLUIS_{name.upper()}"
        env.pop(key, None)
        if value is not None:
            env[key] = str(value)
    root = str(Path(gateway.__file__).resolve().parents[1])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH", "")]))
    return env | more
