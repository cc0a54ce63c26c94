"""English."""

from typing import Final

SUBJECTS: Final = {
    "near_miss_first": "Near miss stopped, nothing has left",
    "near_miss_digest": "Summary of stopped near misses",
    "suspicion_opened": "Suspected data leak: your judgement is needed ({incident})",
    "incident_opened": "Possible data leak, the 72-hour clock is running ({incident})",
    "incident_closed": "Incident closed ({incident})",
    "policy_changed": "The tool list has changed",
    "policy_bad": "The tool list has an error and was not loaded",
    "review_due": "The review of an AI tool is due",
    "tool_suspended": "An AI tool was suspended",
    "tool_lifted": "An AI tool was released again",
}

WHAT: Final = {
    "near_miss_first": "The gateway stopped a message to an AI tool, because it held data that this tool may not have. "
    "Nothing was sent to the tool. This is a near miss and not a data leak: no 72-hour clock is running. Further near "
    "misses of the same unit in this hour come in a summary.",
    "near_miss_digest": "Since the previous summary the gateway stopped {count} messages that you have had no mail "
    "about. Nothing was sent to an AI tool. No 72-hour clock is running.",
    "suspicion_opened": "The gateway saw something that may be a data leak, but that only a person can judge. No "
    "72-hour clock runs until you confirm it.",
    "incident_opened": "There may be a data leak: data may have reached an AI tool that may not have them. The 72 "
    "hours for a notification (GDPR art. 33) run until {deadline}.",
    "incident_closed": "Incident {incident} was closed. The reason stands with the incident, not in this mail.",
    "policy_changed": "The list of AI tools (allowlist.yaml) has changed and the change is in force.",
    "policy_bad": "The list of AI tools (allowlist.yaml) has changed, but holds an error. The new version was not "
    "loaded; the last good version stays in force.",
    "review_due": "The review of the tool {tool} is due within {days} day(s). After that the gateway denies this tool.",
    "tool_suspended": "The tool {tool} was suspended. Every request for it is refused from now on.",
    "tool_lifted": "The suspension of the tool {tool} was lifted. It can be used again as the list says.",
}

TODO: Final = {
    "near_miss_first": (
        "There is nothing to notify to the supervisory authority.",
        "Look up what was stopped: sluis record {reference}",
        "If this happens often in a unit, offer help or a suitable tool.",
    ),
    "near_miss_digest": (
        "There is nothing to notify to the supervisory authority.",
        "See which unit or tool stands out and offer help or a suitable tool.",
    ),
    "suspicion_opened": (
        "Look at the suspicion: sluis incident show {incident}",
        "If it is a data leak, confirm it: sluis incident confirm {incident}. The 72 hours run from then on.",
        "If it is not, close it with a reason: sluis incident close {incident}",
    ),
    "incident_opened": (
        "Look at the incident: sluis incident show {incident}",
        "Suspend the tool if needed until the risk has been assessed: sluis suspend {tool}",
        "Ask the provider to delete the data if needed.",
        (
            "Decide before the deadline whether to notify the supervisory authority and the people concerned (GDPR "
            "art. 33 and 34). The gateway never notifies by itself."
        ),
        "Close the incident with a reason: sluis incident close {incident}",
    ),
    "incident_closed": (
        "Check that the measures, and the decision to notify or not, are in your register (GDPR art. 33(5)).",
    ),
    "policy_changed": (
        "Check that ICT and DPO agreed on every change below.",
        "If something is wrong, suspend the tool (sluis suspend) and ask ICT to restore the list.",
    ),
    "policy_bad": ("ICT: run sluis check, correct the error and save the file again.",),
    "review_due": (
        "Review the tool (risk analysis, terms, DPIA) and enter the new date in allowlist.yaml.",
        "If the tool is no longer used, withdraw its approval.",
    ),
    "tool_suspended": (
        "Assess the risk. Only the DPO can lift the suspension.",
        "Tell the users which tool they can use meanwhile.",
    ),
    "tool_lifted": ("Check that the risk assessment is in your file.",),
}

WORDS: Final = {
    "incident": "Incident",
    "deadline": "72-hour deadline",
    "aware_at": "Known since",
    "source": "Source",
    "by": "By",
    "categories": "Category of data",
    "kinds": "Found",
    "count": "Number of messages",
    "unit": "Unit",
    "tool": "Tool",
    "reason": "Reason (code)",
    "due": "Due date",
    "since": "From",
    "at": "Time",
    "references": "Reference",
    "more": "and {count} more",
    "lines": "Changes or errors",
    "todo": "What you can do",
    "unknown": "(unknown)",
    "ask": "Questions about this mail: the ICT service that runs the gateway.",
    "no_values": "This mail was made automatically and holds no values: no names, numbers or text of any message.",
}

CATEGORIES: Final = {
    "personal": "personal data",
    "special": "special categories of personal data (GDPR art. 9 or 10)",
    "confidential": "confidential information",
    "security": "security information",
}

SOURCES: Final = {
    "self_report": "report by a member of staff",
    "forwarded": "forwarded although policy should have stopped it",
    "confirmed": "suspicion, confirmed by the DPO",
}

ROLES: Final = {
    "staff": "member of staff",
    "ict": "ICT",
    "dpo": "DPO",
    "service": "member of staff (through a chat server)",
    "gateway": "the gateway itself",
}

ENTITY_TYPES: Final = {
    "PERSON": "name",
    "LOCATION": "address or place",
    "ADDRESS": "address",
    "DATE_OF_BIRTH": "date of birth",
    "EMAIL_ADDRESS": "e-mail address",
    "PHONE_NUMBER": "phone number",
    "IBAN_CODE": "account number (IBAN)",
    "CREDIT_CARD": "card number",
    "IP_ADDRESS": "IP address",
    "BE_NATIONAL_NUMBER": "Belgian national number",
    "NL_BSN": "Dutch citizen service number (BSN)",
}
