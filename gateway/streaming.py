"""The same road for server-sent events: upstream bytes in, client bytes out, only the uncertain tail held back.

What follows the first byte can no longer change the status, so every failure after it ends the stream in the wire
format's own way (promise 2: nothing raw, promise 7: nothing buffered).
"""

from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError, UpstreamError
from gateway.exchange import Exchange
from gateway.pipeline import Parts, Prepared
from gateway.sse import SseDecoder, SseError
from gateway.upstream import BROKEN, UpstreamResponse
from gateway.wire import AnswerStream


async def open_stream(parts: Parts, x: Exchange, prepared: Prepared) -> UpstreamResponse:
    """Forward the request and wait for the head of the answer. Raises GatewayError: the status can still be set."""
    x.upstream_started = parts.clock()
    response = await parts.upstream.post(prepared.destination, prepared.body)
    x.upstream_status = response.status
    if response.content_type != "text/event-stream":
        response.close()
        raise UpstreamError(BROKEN)
    return response


async def relay(
    parts: Parts, x: Exchange, prepared: Prepared, response: UpstreamResponse, emit: Callable[[bytes], Awaitable[None]]
) -> None:
    """Emit the client's bytes as they become certain. Raises no GatewayError: the stream then ends with the failure.

    Sets `x.error_type` when the stream ended otherwise than the upstream meant it to.
    """
    decoder = SseDecoder()
    stream = prepared.wire.stream(
        prepared.call,
        restorers=prepared.placeholders,
        hosts=prepared.tool.restore_hosts,
        stamp=prepared.stamper(parts, x),
    )
    language = x.principal.language if x.principal else "en"
    await emit(stream.opening(parts.labels.opening(x)))
    try:
        while data := await response.read_some():
            if not x.first_chunk:
                x.first_chunk = parts.clock()
            pieces: list[bytes] = []
            try:
                for event in decoder.feed(data):
                    pieces.append(stream.feed(event))  # noqa: PERF401 - what was fed before an error is still sent
            finally:
                piece = b"".join(pieces)
                if piece:
                    x.bytes_down += len(piece)
                    await emit(piece)
            if stream.done:
                break
        last = b"".join([stream.feed(event) for event in decoder.close()]) + stream.finish()
    except SseError:
        last = _failed(x, stream, UpstreamError(BROKEN), language)
    except GatewayError as error:
        last = _failed(x, stream, error, language)
    x.upstream_ended = parts.clock()
    x.usage = stream.usage
    x.finish_reasons = stream.facts.finish_reasons
    x.response_model = stream.facts.response_model
    if last:
        x.bytes_down += len(last)
        await emit(last)


def _failed(x: Exchange, stream: AnswerStream, error: GatewayError, language: str) -> bytes:
    x.error_type = error.reason_code
    return stream.failure(error, language, reference=x.request_id)
