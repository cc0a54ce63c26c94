"""The upstream of the benchmarks: a raw asyncio server that answers chat completions, whole or streamed.

A streamed chunk carries the server's monotonic clock in nanoseconds, so that one machine's reader sees the true delay.
Started as `python -m bench.upstream --port N --chunks 60 --gap 0.005`.
"""

import argparse
import asyncio
import time

import httptools
import uvloop

ANSWER = (
    b'{"id":"chatcmpl-bench","object":"chat.completion","created":1795000000,"model":"bench","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"' + b"Dit is een antwoord van de proefopstelling. " * 30 + b'"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":300,"total_tokens":550}}'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1795000000,"model":"bench","choices":'
    b'[{"index":0,"delta":{"content":"@%d@ woorden"},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1795000000,"model":"bench","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


class Server(asyncio.Protocol):
    """One connection; a new parser for each request."""

    def __init__(self, chunks: int, gap: float) -> None:
        self.chunks, self.gap = chunks, gap
        self.body: list[bytes] = []
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_body(self, body):
        self.body.append(body)

    def on_message_complete(self):
        body = b"".join(self.body)
        self.body = []
        if b'"stream":true' in body or b'"stream": true' in body:
            asyncio.ensure_future(self.stream())
        else:
            self.transport.write(HEAD % len(ANSWER) + ANSWER)

    def write_chunk(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def stream(self):
        self.transport.write(STREAM_HEAD)
        for _ in range(self.chunks):
            if self.gap:
                await asyncio.sleep(self.gap)
            if self.transport.is_closing():  # hung up on
                return
            self.write_chunk(CHUNK % time.monotonic_ns())
        self.write_chunk(LAST)
        self.transport.write(b"0\r\n\r\n")


async def serve(port: int, chunks: int, gap: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(chunks, gap), "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, default=60)
    parser.add_argument("--gap", type=float, default=0.005)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.chunks, options.gap))
