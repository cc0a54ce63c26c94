"""`python -m tests.gateway.serve_small [FACTORY [ENGINE]]`: `serve()` with the small app, its state printed."""

import json
import sys
from dataclasses import asdict

from gateway.settings import Settings
from gateway.supervisor import StartError, State, serve


def ready(state: State) -> None:
    print(json.dumps(asdict(state)), flush=True)


if __name__ == "__main__":
    factory = sys.argv[1] if len(sys.argv) > 1 else "create_app"
    engine = sys.argv[2] if len(sys.argv) > 2 else "tests.filters.scanning.stand_in:Engine"
    try:
        status = serve(Settings(), on_ready=ready, app=f"tests.gateway.small_app:{factory}", engine=engine)
    except StartError as error:
        sys.exit(f"{error}")
    sys.exit(status)
