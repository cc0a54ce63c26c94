"""Labels: marks that say, to people and to machines, that an answer was made with AI (O1, AI Act art. 50).

One label a file: `headers` (before the first byte), `provenance` (the JSON object), `visible` (the sentence).
"""

from gateway.exchange import AnswerFacts, Exchange, Stamp
from gateway.labels import headers, provenance, visible


class Labels:
    """What the road asks of this room."""

    def headers(self, x: Exchange) -> list[tuple[bytes, bytes]]:
        """Headers of a response that carries a model's output, streams included."""
        return headers.disclosure(
            model=x.asked_model,
            provider=x.tool.provider.name if x.tool else "",
            at=int(x.started_at),
            record=x.request_id,
        )

    def opening(self, x: Exchange) -> str:
        """The comment at the start of a stream; no client breaks on it (standards §1.4)."""
        return f"ai-generated record={x.request_id}"

    def stamp(self, x: Exchange, facts: AnswerFacts) -> Stamp:
        """The label of an answer whose facts are known; the sentence comes with its separator."""
        language = x.principal.language if x.principal else "en"
        sentence = visible.text(language, x.tool.name if x.tool else "")
        left_out = visible.reason_left_out(x, facts)
        mark = provenance.label(x, language=language, sentence=sentence, left_out=left_out)
        return Stamp(ai_label=mark, sentence=None if left_out else visible.SEPARATOR + sentence)

    def strip(self, content: str) -> str:
        """An assistant message of the history without our own sentence."""
        return visible.strip(content)
