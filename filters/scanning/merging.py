"""Findings that overlap, made one. Used where a border's finding meets what was found on one side of it."""

from dataclasses import replace

from filters.findings import Finding


def merge(findings: list[Finding]) -> list[Finding]:
    """In order of slot and start, without overlaps; nothing that was found is uncovered.

    Overlapping findings become one that spans them all, with the type, category, score and origin of the best score.
    """
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.slot, f.start, f.end)):
        last = merged[-1] if merged else None
        if last is None or last.slot != finding.slot or finding.start >= last.end:
            merged.append(finding)
        else:
            best = max(last, finding, key=lambda f: f.score)
            merged[-1] = replace(best, start=last.start, end=max(last.end, finding.end))
    return merged
