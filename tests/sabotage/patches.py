"""The list. To add one: a name, the promise of docs/architecture.md, the file, the text as it stands there exactly
once, what to put in its place, and the cheapest test that must turn red. `python -m tests.sabotage NAME` tries it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    name: str
    promise: int
    file: str
    old: str
    new: str
    test: str


_SLOTS = "tests/filters/test_slots.py::"
_ROAD = "tests/gateway/routes/test_road.py::"
_STREAM = "tests/gateway/wire/test_openai_chat_stream.py::"
_RESTORER = "tests/filters/pseudonyms/test_restorer.py::"
_PLACEHOLDERS = "tests/filters/pseudonyms/test_placeholders.py::"
_AUTHENTICATOR = "tests/gateway/identity/test_authenticator.py::"
_DECIDE = "tests/gateway/policy/test_decide.py::"
_LABELS = "tests/gateway/labels/test_labels.py::"

PATCHES: tuple[Patch, ...] = (
    # 1. Nothing leaves unscanned.
    Patch(
        "exempt tool arguments",
        1,
        "gateway/wire/openai_chat_shape.py",
        '_FUNCTION_CALLED = Fields({"name": _NAME, "arguments": Json()})',
        '_FUNCTION_CALLED = Fields({"name": _NAME, "arguments": Closed(re.compile("(?s).*"))})',
        _ROAD + "test_a_value_in_tool_arguments_is_replaced",
    ),
    Patch(
        "leave numbers out",
        1,
        "filters/slots.py",
        "            self.add(path, _digits(value, path), SlotKind.ATOM)\n",
        "            _digits(value, path)\n",
        _ROAD + "test_a_value_where_no_placeholder_fits_is_blocked[number]",
    ),
    Patch(
        "leave object keys out",
        1,
        "filters/slots.py",
        "                self.add((*path, KEY, key), key, SlotKind.ATOM)\n",
        "",
        _SLOTS + "test_every_string_and_key_of_any_tree_is_a_slot",
    ),
    Patch(
        "leave ids out",
        1,
        "filters/slots.py",
        "            if not matches or type(spec) is Ident:\n",
        "            if not matches:\n",
        _ROAD + "test_a_value_where_no_placeholder_fits_is_blocked[id]",
    ),
    Patch(
        "take any word in a closed place",
        1,
        "filters/slots.py",
        "            if spec.strict and not matches:\n",
        "            if spec.strict and not matches and not text:\n",
        _SLOTS + "test_what_is_not_in_a_closed_place_is_refused_and_named_without_its_text",
    ),
    Patch(
        "let a value in an atom go as a placeholder",
        1,
        "gateway/policy/decide.py",
        "    if rule.action is Action.PSEUDONYMIZE and finding.slot in atoms:\n",
        "    if rule.action is Action.PSEUDONYMIZE and finding.slot in ():\n",
        _DECIDE + "test_where_no_placeholder_fits_a_value_to_replace_blocks",
    ),
    Patch(
        "copy a header of the client upstream",
        1,
        "gateway/upstream.py",
        '                "User-Agent": "sluis",\n',
        '                "User-Agent": "sluis",\n                "X-OpenWebUI-User-Email": "an@example.org",\n',
        _ROAD + "test_no_header_of_the_client_goes_up",
    ),
    Patch(
        "pass images without a decision",
        1,
        "gateway/policy/decide.py",
        "    if unscannable and tool.unscannable is Action.BLOCK:\n",
        "    if unscannable and tool.unscannable is Action.NOTE:\n",
        _DECIDE + "test_what_cannot_be_scanned_goes_by_the_tools_entry",
    ),
    Patch(
        "remember findings under any engine and policy",
        1,
        "filters/scanning/client.py",
        "Planner(self._keys, (self.version, self.epoch), point, recollection)",
        'Planner(self._keys, ("", ""), point, recollection)',
        "tests/filters/scanning/test_client.py::test_what_the_findings_depend_on_is_part_of_the_key",
    ),
    Patch(
        "do not look across the border of two messages",
        1,
        "filters/scanning/plan.py",
        "            elif found:\n                self._plan.found += _joined(",
        "            elif found and not part.text:\n                self._plan.found += _joined(",
        "tests/filters/scanning/test_plan.py::test_a_number_cut_anywhere_into_up_to_five_messages_is_found_whole",
    ),
    # 2. It fails closed.
    Patch(
        "go on without findings when a filter fails",
        2,
        "gateway/pipeline.py",
        '        raise Unavailable(SCAN_UNAVAILABLE, headers={"Retry-After": "2"}) from None\n',
        "        x.findings = []\n",
        _ROAD + "test_a_filter_that_fails_stops_the_request",
    ),
    Patch(
        "do not ask how old our knowledge is",
        2,
        "gateway/routes/road.py",
        "        parts.watcher.check()\n",
        "",
        _ROAD + "test_a_worker_that_does_not_know_what_is_in_force_refuses",
    ),
    Patch(
        "believe knowledge of any age",
        2,
        "gateway/database.py",
        "        if self._clock() - self._seen > self._max_age:\n",
        "        if self._seen > self._clock():\n",
        "tests/gateway/test_database.py::test_knowledge_of_two_seconds_ago_is_refused_to_the_tick[sqlite]",
    ),
    Patch(
        "forward when the record store does not answer",
        2,
        "gateway/records/store.py",
        "            waiting.future.set_exception(_unavailable())\n",
        "            waiting.future.set_result(None)\n",
        "tests/gateway/records/test_chaos.py::test_a_locked_database_refuses_cleanly_and_service_resumes",
    ),
    # 3. Nothing leaves unrecorded.
    Patch(
        "forward before the intent is stored",
        3,
        "gateway/pipeline.py",
        "    await parts.records.intent(intent_row(x, worker=parts.worker, actors=parts.actors))\n",
        "    row = intent_row(x, worker=parts.worker, actors=parts.actors)\n"
        '    __import__("asyncio").ensure_future(parts.records.intent(row))\n',
        _ROAD + "test_nothing_is_forwarded_before_its_intent_is_stored",
    ),
    Patch(
        "drop the sync to disk",
        3,
        "gateway/database.py",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=OFF",
        "tests/gateway/records/test_durable.py::test_the_sync_to_disk_comes_before_the_acknowledgement",
    ),
    Patch(
        "acknowledge before the commit",
        3,
        "gateway/records/writer.py",
        "                await self._sqlite.commit()\n",
        "                self._later = asyncio.ensure_future(self._sqlite.commit())\n",
        "tests/gateway/records/test_durable.py::test_nothing_is_acknowledged_before_its_commit",
    ),
    Patch(
        "commit without the sync on PostgreSQL",
        3,
        "gateway/database.py",
        '"synchronous_commit": "on"',
        '"synchronous_commit": "off"',
        "tests/gateway/test_database.py::test_every_connection_commits_durably[postgresql]",
    ),
    Patch(
        "write no outcome when the client hangs up",
        3,
        "gateway/routes/road.py",
        '            finish(parts, x, "client_left")\n',
        "            return\n",
        _ROAD + "test_a_client_that_hangs_up_has_its_outcome",
    ),
    Patch(
        "write no outcome when we are cancelled",
        3,
        "gateway/routes/road.py",
        '            finish(parts, x, "interrupted")\n            raise\n',
        "            raise\n",
        _ROAD + "test_a_cancelled_exchange_has_its_outcome",
    ),
    # 4. Findings hold no text.
    Patch(
        "log the body",
        4,
        "gateway/pipeline.py",
        "    x.scan_seconds = parts.clock() - began\n",
        "    x.scan_seconds = parts.clock() - began\n"
        '    _log.debug("scanning", path=" ".join(slot.text for slot in slots))\n',
        _ROAD + "test_no_log_record_holds_a_word_of_anybody",
    ),
    Patch(
        "mail a value",
        4,
        "gateway/leaks/alerts.py",
        "    return value if not value or shape.fullmatch(value) else _UNSAFE\n",
        "    return value\n",
        "tests/gateway/leaks/test_texts.py::test_a_value_in_a_field_for_codes_does_not_travel",
    ),
    Patch(
        "record the model's name as the client wrote it",
        4,
        "gateway/recording.py",
        '    return f"{tool.id}/*"\n',
        "    return model\n",
        _ROAD + "test_a_models_name_that_a_client_chose_is_not_recorded",
    ),
    Patch(
        "send mail in plain where STARTTLS is not offered",
        4,
        "gateway/leaks/smtp.py",
        '            start_tls=options.tls == "starttls",',
        "            start_tls=None,",
        "tests/gateway/leaks/test_smtp.py::test_a_server_without_starttls_gets_nothing_not_even_the_password",
    ),
    Patch(
        "keep a report that could not be masked",
        4,
        "gateway/leaks/leaks.py",
        '            note, kept = "", False\n',
        "            note, kept = text, True\n",
        "tests/gateway/leaks/test_leaks.py::test_a_report_is_kept_without_its_text_when_the_text_cannot_be_scanned",
    ),
    # 5. The client cannot weaken policy.
    Patch(
        "ignore the kill switch",
        5,
        "gateway/policy/decide.py",
        "    if code is None and tool.id in suspended:\n",
        "    if code is None and tool.id in ():\n",
        _ROAD + "test_a_suspended_tool_is_not_used",
    ),
    Patch(
        "do not look at the kill switch again before forwarding",
        5,
        "gateway/pipeline.py",
        "    admit(policy, call.model, principal=principal, suspended=parts.suspensions.current, today=day_of(x))\n",
        "",
        _ROAD + "test_a_tool_suspended_while_the_request_was_under_way_is_not_used",
    ),
    Patch(
        "serve an unknown path with the first format",
        5,
        "gateway/routes/road.py",
        "        if not x.wire:\n",
        '        if not x.wire and scope["method"] == "GET":\n',
        _ROAD + "test_an_unknown_path_leads_nowhere",
    ),
    Patch(
        "send an unlisted model to the first tool",
        5,
        "gateway/policy/decide.py",
        "    tool = policy.tool_for(model)\n",
        "    tool = policy.tool_for(model) or next(iter(policy.tools.values()))\n",
        _ROAD + "test_a_tool_that_is_not_listed_gets_nothing",
    ),
    Patch(
        "use a tool past its review date",
        5,
        "gateway/policy/compiled.py",
        "        if today > self.review_by:\n",
        "        if today < self.review_by.min:\n",
        "tests/gateway/policy/test_compiled.py::test_the_day_after_the_review_date_the_tool_is_denied",
    ),
    Patch(
        "use a tool without the DPO's approval",
        5,
        "gateway/policy/compiled.py",
        "        for approval in (self.ict_approval, self.dpo_approval):\n",
        "        for approval in (self.ict_approval,):\n",
        "tests/gateway/policy/test_compiled.py::test_each_reason_why_a_tool_is_not_usable_has_its_code",
    ),
    Patch(
        "accept a revoked key",
        5,
        "gateway/identity/authenticator.py",
        "        if key.revoked:\n            raise Unauthenticated(KEY_REVOKED, headers=_CHALLENGE)\n",
        "",
        _AUTHENTICATOR + "test_a_revoked_key_is_told_so_after_the_reload",
    ),
    Patch(
        "accept an expired key",
        5,
        "gateway/identity/authenticator.py",
        "        if key.expires_at <= self._clock():\n",
        "        if key.expires_at < 0:\n",
        _AUTHENTICATOR + "test_an_expired_key_is_told_so_from_that_second_on",
    ),
    Patch(
        "accept a key by its id alone",
        5,
        "gateway/identity/authenticator.py",
        "        if key is None or not matches:\n",
        "        if key is None:\n",
        _AUTHENTICATOR + "test_a_wrong_secret_and_an_unknown_id_read_the_same_and_cost_the_same_check",
    ),
    Patch(
        "let a service key vouch from anywhere",
        5,
        "gateway/identity/authenticator.py",
        "            raise Forbidden(VOUCH_NETWORK)\n",
        "            pass\n",
        _AUTHENTICATOR + "test_a_service_key_works_from_its_networks_only",
    ),
    Patch(
        "let the client choose another service",
        5,
        "gateway/wire/openai_chat.py",
        '        if tree[name] not in (None, False, "", [], {}):\n',
        "        if tree[name] == name:\n",
        "tests/gateway/wire/test_openai_chat.py::test_what_is_refused_names_its_field_and_says_why_in_four_languages",
    ),
    Patch(
        "follow redirects",
        5,
        "gateway/upstream.py",
        "                allow_redirects=False,",
        "                allow_redirects=True,",
        "tests/gateway/test_upstream.py::test_a_redirect_is_not_followed",
    ),
    Patch(
        "use a proxy of the environment",
        5,
        "gateway/upstream.py",
        "            trust_env=False,",
        "            trust_env=True,",
        "tests/gateway/test_upstream.py::test_a_proxy_of_the_environment_is_not_used",
    ),
    # 6. Restoring never guesses and never carries out.
    Patch(
        "restore in a link",
        6,
        "filters/pseudonyms/restorer.py",
        "            allowed = where is Place.TEXT and not self._address(following)\n",
        "            allowed = not self._address(following)\n",
        _RESTORER + "test_a_value_stands_in_a_link_only_when_its_host_is_listed",
    ),
    Patch(
        "restore by guess: letter case does not count",
        6,
        "filters/pseudonyms/restorer.py",
        """\
        for candidate in CANDIDATE.finditer(text):
            issued = self._known.issued.get(candidate.group())
            start = candidate.start()
            end = _end(text, start, issued) if issued else 0
""",
        """\
        for candidate in re.finditer(r"[A-Za-z0-9]{11}", text):
            issued = self._known.issued.get(candidate.group().upper())
            start = candidate.start()
            end = start + len(issued.placeholder) if issued else 0
""",
        _RESTORER + "test_what_was_altered_or_cut_stays",
    ),
    Patch(
        "restore by guess: the word behind does not count",
        6,
        "filters/pseudonyms/restorer.py",
        "    return 0 if text[end : end + 1].isalnum() else end\n",
        "    return end\n",
        _RESTORER + "test_what_was_altered_or_cut_stays",
    ),
    Patch(
        "take what the user typed for a placeholder",
        6,
        "filters/pseudonyms/placeholders.py",
        "        if random in self._taken or start in self._starts",
        "        if start in self._starts",
        _PLACEHOLDERS + "test_what_the_user_typed_is_not_a_placeholder",
    ),
    Patch(
        "share placeholders between people",
        6,
        "gateway/pipeline.py",
        'f"{principal.subject}|{tool.id}|',
        'f"{tool.id}|',
        _ROAD + "test_two_people_never_share_a_placeholder",
    ),
    Patch(
        "pass on the upstream's error",
        6,
        "gateway/upstream.py",
        '            error = error_for(response.status, response.headers.get("Retry-After"))\n',
        '            error = UpstreamError(FAILED, texts={"en": (await response.text()).replace("{", "")})\n',
        _ROAD + "test_the_upstreams_own_words_are_not_passed_on",
    ),
    # 7. A stream stays a stream.
    Patch(
        "skip the flush before the end",
        7,
        "gateway/wire/openai_chat_stream.py",
        "        tails = state.flush()\n",
        "        tails: list[dict[str, Any]] = []\n",
        _STREAM + "test_held_text_goes_before_the_finish_in_the_shape_of_the_stream",
    ),
    Patch(
        "hold a stream back to its end",
        7,
        "filters/pseudonyms/restorer.py",
        "        return self._advance(text, last=False)\n",
        '        self._held = text\n        return ""\n',
        _RESTORER + "test_only_what_may_still_become_a_placeholder_is_held_back",
    ),
    Patch(
        "restore each piece for itself",
        7,
        "filters/pseudonyms/restorer.py",
        "        if until == len(text) and not last:\n            until = self._tail(text, done)\n",
        "",
        _RESTORER + "test_every_split_gives_the_same_text",
    ),
    Patch(
        "take a stream that was cut for a whole answer",
        7,
        "gateway/wire/openai_chat_stream.py",
        "            raise UpstreamError(UPSTREAM_INCOMPLETE)\n",
        "            return DONE\n",
        _STREAM + "test_a_stream_ends_well_only_when_every_choice_finished",
    ),
    Patch(
        "cut an event at U+2028",
        7,
        "gateway/sse.py",
        '        *lines, rest = data.split(b"\\n")\n',
        '        *lines, rest = data.replace(b"\\xe2\\x80\\xa8", b"\\n").split(b"\\n")\n',
        "tests/gateway/test_sse.py::test_every_split_in_two_and_byte_by_byte_gives_the_same_events",
    ),
    # 8. A label never breaks a machine's format.
    Patch(
        "put the sentence into JSON mode",
        8,
        "gateway/labels/visible.py",
        "    if facts.json_mode:\n",
        "    if facts.json_mode and not facts.characters:\n",
        _LABELS + "test_the_sentence_appears_only_where_all_conditions_hold",
    ),
    Patch(
        "put the sentence beside a tool call",
        8,
        "gateway/labels/visible.py",
        "    if facts.has_tool_calls:\n",
        "    if facts.has_tool_calls and not facts.characters:\n",
        _LABELS + "test_the_sentence_appears_only_where_all_conditions_hold",
    ),
    Patch(
        "restore tool arguments without escaping",
        8,
        "filters/pseudonyms/restorer.py",
        "        return _json_escaped(issued.value) if self._json else issued.value\n",
        "        return issued.value\n",
        _RESTORER + "test_restored_arguments_stay_json",
    ),
    Patch(
        "hand the usage chunk to clients that did not ask",
        8,
        "gateway/wire/openai_chat_stream.py",
        "        if usage is None or not self._call.wants_usage:\n",
        "        if usage is None:\n",
        _ROAD + "test_usage_is_read_and_kept_from_clients_that_did_not_ask",
    ),
    # 9. A refusal helps.
    Patch(
        "refuse without a reference",
        9,
        "gateway/wire/openai_errors.py",
        "    if not reference or reference in text:\n",
        "    if reference or not text:\n",
        "tests/gateway/wire/test_openai_chat.py::test_another_error_is_one_sentence_with_its_reference",
    ),
    # 10. The record is honest.
    Patch(
        "record images as inspected",
        10,
        "gateway/pipeline.py",
        "    x.unscanned = call.unscannable\n",
        "",
        _ROAD + "test_what_no_filter_could_read_is_on_record",
    ),
)
