"""The practice model: start time, tokens a second, memory; and how it copies placeholders of several shapes.

`python bench/practice.py [--shapes]`, with the extra `practice` installed.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from filters.pseudonyms.shape import random_part
from gateway.practice import start

SENTENCES = (
    "Repeat this sentence exactly: {p} lives in Ghent and asks for a new waste container.",
    "Rewrite politely: {p} must bring the documents on Monday.",
    "Write one sentence to invite {p} to the meeting on Friday.",
    "Summarize: {p} called the town hall. {p} wants to know when the road works end.",
    "Who asked the question? Text: {p} asked when the library opens. Answer with the name only.",
    "Write a short letter that begins with: Dear {p},",
)


def random(number: int) -> str:
    return random_part(bytes(32), "PERSON", str(number), 0)


SHAPES: dict[str, Callable[[int], str]] = {
    "XK7M3HR4TWCperson": lambda n: random(n) + "person",
    "XK7M3HR4TWC": random,
    "XK7M3HR4TWC_PERSON": lambda n: random(n) + "_PERSON",
    "XK7M3HR4TWC-person": lambda n: random(n) + "-person",
    "<PERSON_1>": lambda n: f"<PERSON_{n + 1}>",
}


def ask(base_url: str, text: str, tokens: int = 45) -> dict[str, object]:
    body = {"temperature": 0, "messages": [{"role": "user", "content": text}], "max_tokens": tokens}
    answer: dict[str, object] = httpx.post(base_url + "/chat/completions", json=body, timeout=120).json()
    return answer


def main() -> None:
    begun = time.perf_counter()
    with start() as practice:
        print(f"{practice.model}: answers after {time.perf_counter() - begun:.1f} s")
        timings = ask(practice.base_url, SENTENCES[5].format(p="citizens"), 100).get("timings")
        if isinstance(timings, dict):
            print(f"prompt {timings['prompt_per_second']:.0f}, answer {timings['predicted_per_second']:.0f} tokens/s")
        status = Path(f"/proc/{practice.process.pid}/status").read_text().split("VmHWM:")[1].split("\n")[0]
        print(f"memory, highest: {int(status.split()[0]) // 1024} MiB")
        for name, shape in SHAPES.items() if "--shapes" in sys.argv else ():
            whole = bare = 0
            for number, sentence in enumerate(SENTENCES * 4):
                placeholder = shape(number)
                answer = str(ask(practice.base_url, sentence.format(p=placeholder)))
                whole += placeholder in answer
                bare += (random(number) if random(number) in placeholder else placeholder) in answer
            print(
                f"{name:20} of {len(SENTENCES) * 4} answers {whole} copy it whole, {bare} its random part", flush=True
            )


if __name__ == "__main__":
    main()
