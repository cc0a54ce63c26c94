"""The main job with the real client: what leaves, what comes back, what a refusal looks like (D1, D3, L1, U6)."""

import json
import time
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.conftest import MailServer
from tests.support.gateway import RunningGateway
from tests.support.upstream import Upstream

VALUES = ("Fatima Van den Broeck", "Kerkstraat 12", "85.07.30-000.61", "BE68 5390 0754 7034")
PROMPT = (
    "Schrijf een brief aan mevrouw Fatima Van den Broeck, Kerkstraat 12, 9000 Gent. Haar rijksregisternummer is "
    "85.07.30-000.61 en haar rekening is BE68 5390 0754 7034."
)


def client(running: RunningGateway, who: str = "staff") -> Any:
    """The real client; Any, since its streamed and whole answers share one method."""
    return openai.OpenAI(base_url=running.base_url, api_key=running.keys[who], max_retries=0, timeout=30)


def ask(text: str) -> Any:
    """Messages with one of the user; Any, since the client's types want literals."""
    return [{"role": "user", "content": text}]


def test_json_the_upstream_sees_no_value_and_the_client_gets_them_back(
    running: RunningGateway, upstream: Upstream
) -> None:
    answer = client(running).chat.completions.create(model="pseudo", messages=ask(PROMPT))
    assert answer.choices[0].message.content is not None
    assert answer.choices[0].message.content.startswith(f"U schreef: {PROMPT}")
    assert len(upstream.requests) == 1
    for value in VALUES:
        assert value not in upstream.texts
        for part in value.split():
            if len(part) > 3:
                assert part not in upstream.texts


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5, 7, 64])
def test_stream_restored_whatever_the_cut(running: RunningGateway, upstream: Upstream, cut: int) -> None:
    upstream.cut = cut
    chunks = list(client(running).chat.completions.create(model="pseudo", messages=ask(PROMPT), stream=True))
    text = "".join(c.choices[0].delta.content or "" for c in chunks)
    assert text.startswith(f"U schreef: {PROMPT}")
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(c.choices for c in chunks)  # no usage chunk for a client that did not ask
    for value in VALUES:
        assert value not in upstream.texts


def test_a_stream_arrives_as_it_is_made(running: RunningGateway) -> None:
    stream = client(running).chat.completions.create(
        model="pseudo",
        messages=ask(f"[[slow:0.05]] {PROMPT}"),
        stream=True,
    )
    seen = [time.monotonic() for _ in stream]
    assert len(seen) > 20
    assert seen[len(seen) // 2] - seen[0] > 0.2 * (seen[-1] - seen[0])


def test_tool_arguments_are_restored_as_valid_json(running: RunningGateway, upstream: Upstream) -> None:
    said = '[[tool]] Stuur dit aan Fatima Van den Broeck, fatima@example.net: "ja"\nen nee'
    answer = client(running).chat.completions.create(model="pseudo", messages=ask(said))
    [call] = answer.choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments) == {"naar": said, "lijst": [said]}
    assert "fatima@example.net" not in upstream.texts
    streamed = ""
    for chunk in client(running).chat.completions.create(model="pseudo", messages=ask(said), stream=True):
        for part in chunk.choices[0].delta.tool_calls or []:
            streamed += part.function.arguments or ""
    assert json.loads(streamed) == {"naar": said, "lijst": [said]}


def test_nothing_is_restored_into_a_link_to_an_unlisted_host(running: RunningGateway) -> None:
    said = "[[link]] fatima.vandenbroeck@example.net"
    answer = client(running).chat.completions.create(model="pseudo", messages=ask(said))
    content = answer.choices[0].message.content or ""
    link, _, after = content.partition(") of ")
    assert "fatima" not in link
    assert "fatima.vandenbroeck@example.net" in after


def test_the_same_spelling_has_the_same_placeholder_through_a_conversation(
    running: RunningGateway, upstream: Upstream
) -> None:
    first = ask("Wie is Fatima Van den Broeck?")
    client(running).chat.completions.create(model="pseudo", messages=first)
    more = [*first, {"role": "assistant", "content": "Fatima Van den Broeck is een burger."}, *ask("En waar woont ze?")]
    client(running).chat.completions.create(model="pseudo", messages=more)
    one, two = (request.body["messages"] for request in upstream.requests)
    assert one[0]["content"] == two[0]["content"]
    placeholder = one[0]["content"].removeprefix("Wie is ").removesuffix("?")
    assert placeholder in two[1]["content"]


def test_a_block_is_a_readable_refusal_and_nothing_is_forwarded(running: RunningGateway, upstream: Upstream) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client(running).chat.completions.create(model="strict", messages=ask(PROMPT))
    assert upstream.requests == []
    error = caught.value
    assert error.code == "content_filter"
    body = error.response.json()["error"]
    assert isinstance(body["message"], str)
    assert body["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    reference = error.response.headers["x-request-id"]
    assert reference in body["message"]
    assert "dpo@example.org" in body["message"] or "ict@example.org" in body["message"]
    assert "Tool pseudo" in body["message"]  # what may be used instead
    for value in VALUES:
        assert value not in error.response.text
    near = running.rows(f"SELECT unit, tool FROM near_misses WHERE request_id = '{reference}'")
    assert near == [("Burgerzaken", "strict")]
    outcome = running.rows(f"SELECT ended_by, status FROM outcomes WHERE request_id = '{reference}'")
    assert outcome == [("refused", 400)]


def test_the_dpo_looks_a_reference_up_and_others_may_not(running: RunningGateway) -> None:
    with running.client() as http:
        refused = http.post("/v1/chat/completions", json={"model": "strict", "messages": ask(PROMPT)})
        reference = refused.headers["x-request-id"]
        assert http.get(f"/admin/v1/records/{reference}").status_code == 403
    with running.client("dpo") as http:
        found = http.get(f"/admin/v1/records/{reference}")
    assert found.status_code == 200
    assert "BE_NATIONAL_NUMBER" in found.text
    for value in VALUES:
        assert value not in found.text


def test_the_refusal_speaks_the_callers_language(running: RunningGateway) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client(running, "french").chat.completions.create(model="strict", messages=ask(PROMPT))
    assert " pas " in caught.value.response.json()["error"]["message"] or "Votre" in str(caught.value)


def test_the_first_near_miss_of_a_unit_is_mailed_without_a_value(running: RunningGateway, mail: MailServer) -> None:
    with pytest.raises(openai.BadRequestError):
        client(running, "french").chat.completions.create(model="strict", messages=ask(PROMPT))
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [m for m in mail.messages if "Communication" in m.get_content()]
        if found:
            break
        time.sleep(0.1)
    assert found, "no mail about the near miss arrived"
    assert found[0]["To"] == "dpo@example.org"
    for raw in mail.raw:
        for value in VALUES:
            assert value.encode() not in raw


def test_answer_mode_says_it_in_a_reply_of_the_assistant(running: RunningGateway, upstream: Upstream) -> None:
    answer = client(running, "answer").chat.completions.create(model="strict", messages=ask(PROMPT))
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.choices[0].message.content
    chunks = list(client(running, "answer").chat.completions.create(model="strict", messages=ask(PROMPT), stream=True))
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert "".join(c.choices[0].delta.content or "" for c in chunks)
    assert upstream.requests == []


def test_answers_are_labeled_for_machines_and_people(running: RunningGateway) -> None:
    text = (
        "Leg in een paar zinnen uit wat een sluis doet, hoe het water erdoor gaat en waarom dat veilig is voor schepen."
    )
    with running.client() as http:
        whole = http.post("/v1/chat/completions", json={"model": "pseudo", "messages": ask(text)})
        assert whole.headers["ai-disclosure"].startswith("mode=ai-originated")
        label = whole.json()["ai_label"]
        assert label["ai_generated"] is True
        assert label["record_id"] == whole.headers["x-request-id"]
        content = whole.json()["choices"][0]["message"]["content"]
        assert content.endswith("Gegenereerd met AI (Tool pseudo). Nog niet door een medewerker nagekeken.")
        streamed = http.post("/v1/chat/completions", json={"model": "pseudo", "messages": ask(text), "stream": True})
    lines = [line for line in streamed.text.split("\n\n") if line]
    assert lines[0].startswith(": ai-generated record=")
    assert lines[-1] == "data: [DONE]"
    last = json.loads(lines[-2].removeprefix("data: "))
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["ai_label"]["visible_label"]["applied"] is True
    assert "Nog niet door een medewerker nagekeken." in streamed.text


def test_our_sentence_is_not_fed_back_to_the_model(running: RunningGateway, upstream: Upstream) -> None:
    own = "Dat is een lang antwoord.\n\nGegenereerd met AI (Tool pseudo). Nog niet door een medewerker nagekeken."
    messages = [*ask("Vraag een"), {"role": "assistant", "content": own}, *ask("Vraag twee")]
    client(running).chat.completions.create(model="pseudo", messages=messages)
    assert upstream.requests[0].body["messages"][1]["content"] == "Dat is een lang antwoord."


def test_only_our_own_headers_go_up_and_only_listed_ones_come_down(running: RunningGateway, upstream: Upstream) -> None:
    extra = {
        "X-OpenWebUI-User-Email": "an@example.org",
        "Cookie": "session=1",
        "X-Forwarded-For": "10.1.2.3",
        "Traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    }
    with running.client(headers=extra) as http:
        answer = http.post("/v1/chat/completions", json={"model": "pseudo", "messages": ask("Dag")})
    assert answer.status_code == 200
    assert set(upstream.requests[0].headers) == {
        "host",
        "accept-encoding",
        "content-type",
        "content-length",
        "user-agent",
    }
    assert "set-cookie" not in answer.headers
    assert "x-up" not in answer.headers


def test_models_lists_what_this_person_may_use(running: RunningGateway) -> None:
    names = {model.id for model in client(running).models.list()}
    assert {"pseudo/pseudo", "strict/strict"} <= names or {"pseudo", "strict"} <= names


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/embeddings", 404, "unknown_path"),
        ("/v1/responses", 404, "unknown_path"),
        ("/v1/models/none", 404, "model_not_found"),
    ],
)
def test_unknown_paths_are_denied_with_help(running: RunningGateway, path: str, status: int, code: str) -> None:
    with running.client() as http:
        answer = http.get(path) if "models" in path else http.post(path, json={"model": "pseudo", "input": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_bad_requests_get_a_clear_error(running: RunningGateway, upstream: Upstream) -> None:
    url = "/v1/chat/completions"
    with running.client() as http:
        assert http.post(url, content=b"{", headers={"content-type": "application/json"}).status_code == 400
        assert http.post(url, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
        gzipped = http.post(
            url, content=b"{}", headers={"content-type": "application/json", "content-encoding": "gzip"}
        )
        assert gzipped.status_code == 415
        assert gzipped.json()["error"]["code"] == "body_encoded"
        large = http.post(
            url, content=b'{"model": "' + b"x" * 9_000_000 + b'"}', headers={"content-type": "application/json"}
        )
        assert large.status_code == 413
        assert http.post(url, json={"model": "onbekend", "messages": ask("x")}).status_code == 404
    assert httpx.post(running.base + url, json={}).status_code == 401
    assert upstream.requests == []


def test_the_staff_notice_is_a_page_in_four_languages(running: RunningGateway) -> None:
    for language in ("nl", "fr", "de", "en"):
        page = httpx.get(f"{running.base}/notice", params={"lang": language})
        assert page.status_code == 200
        assert f'lang="{language}"' in page.text
        assert "Tool pseudo" in page.text
    assert httpx.get(f"{running.base}/notice.json").json()["language"] == "nl"
    assert httpx.get(f"{running.base}/healthz").status_code == 200
    assert httpx.get(f"{running.base}/readyz").status_code == 200
