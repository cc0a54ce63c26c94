"""The metrics listener: GET /metrics on a host and port of its own, the sum over all workers, alive or gone."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gateway.logs import Log

_log = Log("gateway.supervisor")


class MetricsListener:
    """Serves in a thread until closed. `folder` is what PROMETHEUS_MULTIPROC_DIR names in the workers."""

    def __init__(self, sock: socket.socket, folder: Path) -> None:
        self.port: int = sock.getsockname()[1]
        self._server = _Server(sock, folder)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sock: socket.socket, folder: Path) -> None:
        super().__init__(sock.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.folder = folder

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up or is slow is no news; the default prints a traceback."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5.0  # seconds for a slow client
    server_version = "sluis"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._reply(404, "text/plain; charset=utf-8", b"only /metrics is here\n")
            return
        # Imported here: prometheus_client fixes its mode when it is first imported, serve() sets the folder before.
        from prometheus_client import CollectorRegistry, exposition, multiprocess  # noqa: PLC0415

        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=str(self.server.folder))  # type: ignore[no-untyped-call]
        encode, content_type = exposition.choose_encoder(self.headers.get("Accept", ""))
        try:
            body = encode(registry)
        except (OSError, ValueError) as error:  # a worker's file that is gone or half written: the next scrape has it
            _log.warning("metrics_failed", error_type=type(error).__name__)
            self._reply(503, "text/plain; charset=utf-8", b"metrics are being written; try again\n")
            return
        self._reply(200, content_type, body)

    def _reply(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """No access log: a path is text that a client chose."""
