"""This gateway for the benchmarks: what `sluis trial` starts, with a tool list that lets every text through.

`noscan` puts an empty scanner in place of the pool's client: only for measuring what the rest of the road costs.
`precise` notes personal data, `thorough` pseudonymizes them.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from filters.findings import Finding, OperatingPoint, Slot
from gateway.app import Gateway, create_app
from gateway.cli.run import make_first_keys, prepare_database
from gateway.identity.checks import NewKey
from gateway.policy.shipped import trial_policy
from gateway.settings import Settings
from gateway.supervisor import State, serve


class NoScanner:
    """Finds nothing, for nothing."""

    version = "none"

    async def scan(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        return []


def create_without_scanning(settings: Settings) -> Gateway:
    return create_app(settings, scanner=NoScanner())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--mode", choices=("noscan", "precise", "thorough"), required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    path = trial_policy(options.upstream, "pseudonymize", options.data)
    text = path.read_text()
    if options.mode != "thorough":
        text = text.replace('"personal": "pseudonymize"', '"personal": "note"')
        text = text.replace('"id": "trial",', '"id": "trial", "entities": {},') if '"entities"' in text else text
    path.write_text(
        text.replace('"security": "block"', '"security": "note"').replace('"special": "block"', '"special": "note"')
    )
    settings = Settings().model_copy(
        update={"data_dir": options.data, "allowlist": path, "database_url": "", "port": 0, "metrics_port": 0}
    )
    asyncio.run(prepare_database(settings))
    [key] = asyncio.run(make_first_keys(settings, [NewKey(subject="bench", unit="bench")]))

    def announce(state: State) -> None:
        ready = {
            "base_url": f"http://{state.host}:{state.port}/v1",
            "api_key": key,
            "metrics_url": f"http://{state.metrics_host}:{state.metrics_port}/metrics",
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()

    app = "bench.gateway:create_without_scanning" if options.mode == "noscan" else "gateway.app:create_app"
    raise SystemExit(serve(settings, on_ready=announce, app=app))


if __name__ == "__main__":
    main()
