"""What breaks around an exchange, and what becomes of it: the right error, nothing raw, nothing stuck, one outcome.

Scanners that raise, die or hang; upstreams that refuse, break off or talk nonsense; clients that leave or do not read.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.support import raw
from tests.support.gateway import RunningGateway
from tests.support.upstream import Upstream

URL = "/v1/chat/completions"
SECRET = "secret of the upstream"
NUMBER = "85.07.30-000.61"


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def client(running: RunningGateway, who: str = "staff") -> openai.OpenAI:
    return openai.OpenAI(base_url=running.base_url, api_key=running.keys[who], max_retries=0, timeout=30)


def eventually(question: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true answer, or the last one."""
    end = time.monotonic() + seconds
    while not (found := question()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def endings(running: RunningGateway) -> list[tuple[str, int]]:
    """(ended_by, status) of each outcome, in order."""
    return [(str(by), int(status)) for by, status in running.rows("SELECT ended_by, status FROM outcomes ORDER BY seq")]


@pytest.fixture(autouse=True)
def _each_intent_has_one_outcome(running: RunningGateway, small: RunningGateway) -> Iterator[None]:
    """After every test of this file: nothing is open, nothing is double, and nobody is left behind."""
    yield
    for one in (running, small):
        intents = "SELECT count(*) FROM intents"
        open_ones = f"{intents} WHERE request_id NOT IN (SELECT request_id FROM outcomes)"
        orphans = "SELECT count(*) FROM outcomes WHERE request_id NOT IN (SELECT request_id FROM intents)"
        double = "SELECT count(*) - count(DISTINCT request_id) FROM outcomes"
        assert eventually(lambda one=one, q=open_ones: one.rows(q) == [(0,)]), one.rows(open_ones)  # type: ignore[misc]
        assert one.rows(orphans) == [(0,)]
        assert one.rows(double) == [(0,)]
        assert eventually(lambda one=one: "sluis_in_flight_requests 0.0" in one.metrics())  # type: ignore[misc]


# --- the upstream --------------------------------------------------------------------------------------------------

REFUSALS = [
    ("status:400", openai.BadRequestError, "upstream_rejected"),
    ("status:401", openai.InternalServerError, "upstream_misconfigured"),
    ("status:404", openai.InternalServerError, "upstream_misconfigured"),
    ("status:429", openai.RateLimitError, "upstream_rate_limited"),
    ("status:500", openai.InternalServerError, "upstream_failed"),
    ("status:503", openai.InternalServerError, "upstream_failed"),
    ("hang:4", openai.InternalServerError, "upstream_timeout"),
]
UNREADABLE = [
    ("html", "upstream_invalid", False),
    ("html", "upstream_broken", True),
    ("garbage", "upstream_invalid", False),
    ("garbage", "upstream_broken", True),
    ("binary", "upstream_invalid", False),
    ("half:4", "upstream_timeout", False),
    ("half:4", "upstream_broken", True),
]


@pytest.mark.parametrize(
    ("scenario", "kind", "code", "stream"),
    [
        *((*case, stream) for case in REFUSALS for stream in (False, True)),
        *((scenario, openai.InternalServerError, code, stream) for scenario, code, stream in UNREADABLE),
    ],
)
def test_an_upstream_that_fails_becomes_an_error_of_ours(
    running: RunningGateway,
    upstream: Upstream,
    scenario: str,
    kind: type[openai.APIStatusError],
    code: str,
    stream: bool,
) -> None:
    before = len(endings(running))
    with pytest.raises(openai.APIStatusError) as caught:
        list(
            client(running).chat.completions.create(
                model="pseudo", messages=said(f"[[{scenario}]] Nummer {NUMBER}"), stream=stream
            )
        )
    assert isinstance(caught.value, kind)
    error = caught.value.response.json()["error"]
    assert error["code"] == code
    assert caught.value.response.headers["x-request-id"] in error["message"]
    assert SECRET not in caught.value.response.text
    assert NUMBER not in caught.value.response.text
    assert "set-cookie" not in caught.value.response.headers
    if code == "upstream_rate_limited":
        assert caught.value.response.headers["retry-after"] == "7"
    assert len(upstream.requests) == 1, "a request that was sent is not sent again"
    assert eventually(lambda: len(endings(running)) == before + 1)
    assert endings(running)[-1] == ("failed", caught.value.status_code)


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_is_not_there(running: RunningGateway, stream: bool) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client(running).chat.completions.create(model="dead", messages=said("Dag"), stream=stream)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_unreachable")


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("cut", "upstream_incomplete"),
        ("drop", "upstream_broken"),
        ("error", "upstream_failed"),
        ("nonsense", "upstream_invalid"),
        ("stall:4", "upstream_timeout"),
    ],
)
def test_a_stream_that_breaks_ends_with_an_error_and_nothing_raw(
    running: RunningGateway, upstream: Upstream, scenario: str, code: str
) -> None:
    """The client sees the beginning, then our error; no placeholder half flushed, no word of the upstream's error."""
    before = len(endings(running))
    text = f"[[{scenario}]] {NUMBER} en nog meer tekst die volgt"
    seen = ""
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 - what came before it is looked at too
        for chunk in client(running).chat.completions.create(model="pseudo", messages=said(text), stream=True):
            seen += chunk.choices[0].delta.content or ""
    assert SECRET not in str(caught.value)
    assert NUMBER not in str(caught.value)
    assert f"U schreef: {text}".startswith(seen)
    assert eventually(lambda: len(endings(running)) == before + 1)
    assert endings(running)[-1] == ("upstream_broke", 200)
    with running.client() as http:
        whole = http.post(URL, json={"model": "pseudo", "messages": said(text), "stream": True}).text
    [received, _] = upstream.requests
    placeholder = received.body["messages"][0]["content"].split("]] ")[1].split(" en")[0]
    assert NUMBER not in received.text
    assert placeholder not in whole
    assert placeholder[:6] not in whole
    assert "{nonsense" not in whole
    assert whole.endswith("data: [DONE]\n\n")
    assert caught.value.code == code
    assert '"reference"' in whole, "the DPO must find it again"


def test_binary_in_a_stream_never_passes(running: RunningGateway) -> None:
    with running.client() as http:
        answer = http.post(URL, json={"model": "open", "messages": said(f"[[binary]] {NUMBER}"), "stream": True})
    assert NUMBER not in answer.text
    assert '"error"' in answer.text


# --- the scanners --------------------------------------------------------------------------------------------------


def scanner(running: RunningGateway) -> int:
    pid: int = running.state["scanners"][0]
    return pid


def works(running: RunningGateway) -> bool:
    with running.client() as http, contextlib.suppress(httpx.TransportError):
        return http.post(URL, json={"model": "pseudo", "messages": said(f"Dag {time.time()}")}).status_code == 200
    return False


@pytest.mark.parametrize("word", ["poison", "die"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_text_that_breaks_the_analyzer_is_refused_and_the_next_is_served(
    small: RunningGateway, upstream: Upstream, word: str, stream: bool
) -> None:
    with small.client() as http:
        answer = http.post(URL, json={"model": "pseudo", "messages": said(f"{word} nu {NUMBER}"), "stream": stream})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "scan_unavailable")
        assert "retry-after" in answer.headers
        assert upstream.requests == []
    assert eventually(lambda: works(small))


def test_a_scanner_killed_in_the_middle_of_a_scan_costs_nothing_but_time(
    small: RunningGateway, upstream: Upstream
) -> None:
    pid = scanner(small)
    killer = threading.Timer(0.7, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with small.client() as http:
        answer = http.post(URL, json={"model": "pseudo", "messages": said(f"sleep:1.5 {NUMBER}")})
    killer.join()
    assert answer.status_code == 200
    assert NUMBER in answer.text
    assert NUMBER not in upstream.texts
    assert scanner(small) != pid


def test_a_scanner_that_hangs_is_refused_in_time_and_comes_back(small: RunningGateway, upstream: Upstream) -> None:
    pid = scanner(small)
    os.kill(pid, signal.SIGSTOP)
    try:
        with small.client() as http:
            answer = http.post(URL, json={"model": "pseudo", "messages": said(f"stil {NUMBER}")})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "scan_unavailable")
        assert upstream.requests == []
    finally:
        os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: works(small))


def test_while_all_scanners_are_dead_requests_are_refused_and_service_comes_back(
    small: RunningGateway, upstream: Upstream
) -> None:
    over = threading.Event()

    def keep_killing() -> None:
        while not over.is_set():
            with contextlib.suppress(ProcessLookupError, OSError, ValueError):
                if (pid := scanner(small)) > 0:
                    os.kill(pid, signal.SIGKILL)
            over.wait(0.02)

    killing = threading.Thread(target=keep_killing)
    killing.start()
    try:
        with small.client() as http:
            answers = [http.post(URL, json={"model": "pseudo", "messages": said(f"dood {n} {NUMBER}")}) for n in (1, 2)]
            assert eventually(lambda: http.get("/readyz").status_code == 503)
            assert http.get("/healthz").status_code == 200
    finally:
        over.set()
        killing.join()
    assert {(a.status_code, a.json()["error"]["code"]) for a in answers} == {(503, "scan_unavailable")}
    assert upstream.requests == []
    assert eventually(lambda: works(small), 60)


def test_a_worker_that_is_killed_is_started_again_and_its_exchange_is_closed(
    small: RunningGateway, upstream: Upstream
) -> None:
    [pid] = small.state["workers"]
    before = len(endings(small))
    sock = raw.connect(small)
    sock.sendall(raw.request(small, {"model": "pseudo", "messages": said("[[hang:9]] dag")}))
    assert eventually(lambda: upstream.requests)
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ConnectionError):
        assert raw.until_closed(sock) == b""
    sock.close()
    assert eventually(lambda: works(small), 60)
    assert eventually(lambda: ("interrupted", 0) in endings(small)[before:])


# --- the client ----------------------------------------------------------------------------------------------------


def to_upstream(running: RunningGateway, upstream: Upstream) -> int:
    """Connections that the workers hold to the upstream."""
    pids = [psutil.Process(pid) for pid in running.state["workers"]]
    return sum(bool(c.raddr) and c.raddr.port == upstream.port for p in pids for c in p.net_connections("tcp"))


def from_clients(running: RunningGateway) -> int:
    pids = [psutil.Process(pid) for pid in running.state["workers"]]
    return sum(c.laddr.port == running.port and bool(c.raddr) for p in pids for c in p.net_connections("tcp"))


def close(sock: socket.socket) -> None:
    sock.close()


LEAVINGS = [
    ("before the upstream's head", "[[hang:30]] dag", False, b""),
    ("before the head of a stream", "[[hang:30]] dag", True, b""),
    ("in the middle of a stream", "[[slow:0.3]] " + "dag " * 50, True, b'"content"'),
    ("in the middle of a JSON answer", "[[half:30]] dag", False, b""),
]


@pytest.mark.parametrize("how", [close, raw.reset])
@pytest.mark.parametrize(("stage", "text", "stream", "until"), LEAVINGS, ids=[stage for stage, *_ in LEAVINGS])
def test_a_client_that_leaves_takes_the_upstreams_work_with_it(  # noqa: PLR0917
    small: RunningGateway,
    upstream: Upstream,
    stage: str,
    text: str,
    stream: bool,
    until: bytes,
    how: Callable[[socket.socket], None],
) -> None:
    before = len(endings(small))
    sock = raw.connect(small)
    sock.sendall(raw.request(small, {"model": "pseudo", "messages": said(text), "stream": stream}))
    assert eventually(lambda: upstream.requests)
    received = b""
    while until not in received:
        received += sock.recv(4096)
    time.sleep(0.2)
    how(sock)
    assert eventually(lambda: upstream.left), f"{stage}: the upstream works on for nobody"
    assert eventually(lambda: len(endings(small)) == before + 1)
    assert endings(small)[-1][0] == "client_left"
    assert eventually(lambda: from_clients(small) == 0)
    assert eventually(lambda: to_upstream(small, upstream) == 0)


@pytest.mark.parametrize("how", [close, raw.reset])
@pytest.mark.parametrize("stage", ["head", "body", "scan"])
def test_a_client_that_leaves_before_anything_was_sent_leaves_no_trace(
    small: RunningGateway, upstream: Upstream, stage: str, how: Callable[[socket.socket], None]
) -> None:
    before = small.rows("SELECT count(*) FROM intents")
    whole = raw.request(small, {"model": "pseudo", "messages": said(f"sleep:1 dag {stage} {how.__name__}")})
    sock = raw.connect(small)
    sock.sendall({"head": whole[:60], "body": whole[:-20], "scan": whole}[stage])
    time.sleep(0.4)
    how(sock)
    assert eventually(lambda: from_clients(small) == 0)
    assert eventually(lambda: works(small))
    assert len(upstream.requests) == 1  # the one of works()
    assert small.rows("SELECT count(*) FROM intents") == [(before[0][0] + 1,)]


def test_leaving_at_the_moment_of_the_refusal_does_not_hide_the_near_miss(small: RunningGateway) -> None:
    """A hang-up at any moment around the block: a record and its near miss stand together, or neither does."""
    for step in range(40):
        sock = raw.connect(small)
        sock.sendall(raw.request(small, {"model": "strict", "messages": said(f"{NUMBER} nummer {step}")}))
        time.sleep(step / 4000)
        raw.reset(sock)
    assert eventually(lambda: works(small))
    blocked = "SELECT request_id FROM intents WHERE decision = 'blocked' ORDER BY 1"
    missed = "SELECT request_id FROM near_misses ORDER BY 1"
    assert eventually(lambda: small.rows(blocked) == small.rows(missed))
    assert len(small.rows(blocked)) > 5


def test_many_clients_that_leave_leave_nothing_behind(small: RunningGateway, upstream: Upstream) -> None:
    [pid] = small.state["workers"]
    assert works(small)
    assert eventually(lambda: from_clients(small) == to_upstream(small, upstream) == 0)
    process = psutil.Process(pid)
    before = (process.num_fds(), process.num_threads())
    for round_number in range(3):
        socks = [raw.connect(small) for _ in range(20)]
        for n, sock in enumerate(socks):
            text = f"[[slow:0.2]] {'dag ' * 40} {round_number}"
            sock.sendall(raw.request(small, {"model": "pseudo", "messages": said(text), "stream": n % 2 == 0}))
        assert eventually(lambda: len(upstream.requests) >= 15)
        for sock in socks:
            raw.reset(sock)
    assert eventually(lambda: from_clients(small) == to_upstream(small, upstream) == 0)
    assert eventually(lambda: process.num_fds() <= before[0] + 1), (process.num_fds(), before)
    assert process.num_threads() <= before[1]


def test_a_reader_that_does_not_read_holds_the_upstream_back_and_nobody_else(
    running: RunningGateway, upstream: Upstream
) -> None:
    """18 MB of answer, a client that reads nothing for a while: memory stays, others are served, all arrives."""
    [pid] = running.state["workers"]
    process = psutil.Process(pid)
    assert works(running)
    before = process.memory_info().rss
    sock = raw.connect(running, receive_buffer=4096)
    with contextlib.closing(sock):
        body = {"model": "open", "messages": said("[[flood]] dag"), "stream": True}
        sock.sendall(raw.request(running, body, headers="Connection: close\r\n"))
        highest = 0
        for _ in range(12):
            time.sleep(0.25)
            highest = max(highest, process.memory_info().rss)
            assert works(running)
        assert highest - before < 8_000_000
        received = raw.until_closed(sock)
    assert len(received) > 18_000_000
    assert b"data: [DONE]\n\n" in received[-40:]
    assert endings(running)[-1] == ("completed", 200)


def test_a_reader_that_never_reads_is_let_go(small: RunningGateway, upstream: Upstream) -> None:
    """After SLUIS_CLIENT_TIMEOUT (3 s here): else a few such clients would hold the gateway for good."""
    sock = raw.connect(small, receive_buffer=4096)
    with contextlib.closing(sock):
        body = {"model": "pseudo", "messages": said("[[flood]] dag"), "stream": True}
        sock.sendall(raw.request(small, body))
        assert eventually(lambda: upstream.requests)
        assert eventually(lambda: from_clients(small) == 0, 60)
        assert eventually(lambda: to_upstream(small, upstream) == 0)
        assert endings(small)[-1][0] == "client_left"


def test_a_body_that_comes_slowly_is_taken_and_holds_nobody_up(small: RunningGateway, upstream: Upstream) -> None:
    whole = raw.request(small, {"model": "pseudo", "messages": said("een trage vraag")})
    with contextlib.closing(raw.connect(small)) as sock:
        for at in range(0, len(whole), 40):
            sock.sendall(whole[at : at + 40])
            time.sleep(0.1)
            if at == 80:
                assert works(small)
        status, _, body = raw.answer(sock)
    assert (status, b"een trage vraag" in body) == (200, True)


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ("Transfer-Encoding: chunked\r\n", -1),
        ("Transfer-Encoding: identity, chunked\r\n", -1),
        ("Content-Length: 5\r\n", -1),
        ("Content-Length: +5\r\n", 0),
        ("Transfer-Encoding: gzip\r\n", 0),
        ("Transfer-Encoding : chunked\r\n", -1),
        ("X-A: b\r\n\x01: c\r\n", -1),
    ],
)
def test_a_request_whose_length_can_be_read_in_two_ways_is_refused(
    small: RunningGateway, upstream: Upstream, headers: str, length: int
) -> None:
    """What a proxy before us might cut elsewhere could smuggle a second request past its rules."""
    smuggled = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"0\r\n\r\n" + smuggled
    with contextlib.closing(raw.connect(small)) as sock:
        sock.sendall(raw.request(small, body, headers=headers, length=length))
        received = raw.until_closed(sock)
    assert received.startswith(b"HTTP/1.1 400")
    assert received.count(b"HTTP/1.1 ") == 1
    assert upstream.requests == []


def test_pipelined_requests_are_answered_in_order(small: RunningGateway, upstream: Upstream) -> None:
    texts = [("pseudo", "een"), ("strict", NUMBER), ("pseudo", "[[slow:0.01]] drie"), ("pseudo", "vier")]
    bodies = [{"model": model, "messages": said(text)} for model, text in texts]
    with contextlib.closing(raw.connect(small)) as sock:
        sock.sendall(b"".join(raw.request(small, body) for body in bodies))
        answers = [raw.answer(sock) for _ in bodies]
    assert [status for status, _, _ in answers] == [200, 400, 200, 200]
    for (_, text), (status, _, body) in zip(texts, answers, strict=True):
        assert status == 400 or text.encode() in body
    assert len({headers["x-request-id"] for _, headers, _ in answers}) == 4
    assert len(upstream.requests) == 3


def test_a_flood_of_headers_is_cut_off(small: RunningGateway) -> None:
    with contextlib.closing(raw.connect(small)) as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(100_000):
                sock.sendall(f"X-{number}: {'a' * 60}\r\n".encode())
        received = b""
        with contextlib.suppress(ConnectionError):
            received = raw.until_closed(sock)
    assert received == b"" or received.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert works(small)
