"""`python -m gateway.practice --port 8099`: run the practice model alone, until Ctrl-C.

Prints one line of JSON when it answers: `base_url`, `model`, `notice`.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time

from gateway.practice import MODEL, NOTICES, SCRIPTED, model, scripted


def main() -> None:
    """Serve until killed, or until the parent process named by `--parent` is gone."""
    parser = argparse.ArgumentParser(prog="python -m gateway.practice", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8099, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--kind", choices=["auto", "scripted"], default="auto", help="auto: a real model if installed")
    parser.add_argument("--parent", type=int, default=0, help="end when this process is no longer the parent")
    options = parser.parse_args()
    if options.parent:
        threading.Thread(target=_end_with, args=(options.parent,), daemon=True).start()
    path = model.weights() if options.kind == "auto" else None
    if path is not None:
        try:
            _server, address = model.serve(path, alias=MODEL, port=options.port)
        except (ImportError, RuntimeError) as error:
            sys.stderr.write(f"no practice model: {type(error).__name__}; the scripted one takes its place\n")
        else:
            _ready(address, MODEL)
            threading.Event().wait()
    listener = socket.create_server(("127.0.0.1", options.port))
    _ready(f"http://127.0.0.1:{listener.getsockname()[1]}", SCRIPTED)
    scripted.serve(listener, model=SCRIPTED)


def _ready(address: str, name: str) -> None:
    notice = NOTICES[name]["nl"] + " / " + NOTICES[name]["en"]
    sys.stdout.write(json.dumps({"base_url": f"{address}/v1", "model": name, "notice": notice}) + "\n")
    sys.stdout.flush()


def _end_with(parent: int) -> None:
    """End at once when the parent is gone, however it went: another process then is our parent."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
