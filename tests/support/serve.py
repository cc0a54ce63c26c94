"""`python -m tests.support.serve MODULE:CLASS [MODULE:FACTORY]`: what `sluis serve` does, with another engine in the scanners (and another app).

For tests of failures and crashes: `tests.support.engine:Engine` starts at once, and words in a text make it
sleep, raise or die. All else is the real thing.
"""

import asyncio
import sys

from gateway.cli.run import prepare_database
from gateway.settings import Settings
from gateway.supervisor import serve

if __name__ == "__main__":
    settings = Settings()
    asyncio.run(prepare_database(settings))
    app = sys.argv[2] if len(sys.argv) > 2 else "gateway.app:create_app"
    sys.exit(serve(settings, engine=sys.argv[1], app=app))
