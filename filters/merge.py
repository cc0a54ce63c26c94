"""Overlapping findings into one list that does not overlap and covers every character that any of them covered."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from filters.entities import ENTITY_TYPES
from filters.findings import Finding


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Per character the type of highest order wins, then the longest finding, the best score, the first name.

    What is left of a beaten finding stays, as one or more shorter findings of its own type. The result depends only
    on the set of findings, not on their order; it is sorted by slot and start. Time n log n.
    """
    merged: list[Finding] = []
    for _, group in groupby(sorted(set(findings), key=lambda f: (f.slot, f.start, f.end)), key=lambda f: f.slot):
        merged.extend(_slot(list(group)))
    return merged


def _rank(finding: Finding) -> tuple[int, int, float, str, str, int]:
    order = ENTITY_TYPES[finding.entity_type].order
    length = finding.end - finding.start
    return (-order, -length, -finding.score, finding.entity_type, finding.origin, finding.start)


def _slot(findings: list[Finding]) -> list[Finding]:
    findings = [finding for finding in findings if finding.start < finding.end]
    kept: list[Finding] = []
    for cluster in _clusters(findings):
        if len(cluster) == 1:
            kept.extend(cluster)
            continue
        kept.extend(_cluster(cluster))
    return sorted(kept, key=lambda f: (f.start, f.end))


def _clusters(findings: list[Finding]) -> Iterable[list[Finding]]:
    """Groups of findings that overlap directly or through others; input is sorted by start."""
    cluster: list[Finding] = []
    end = -1
    for finding in findings:
        if cluster and finding.start >= end:
            yield cluster
            cluster, end = [], -1
        cluster.append(finding)
        end = max(end, finding.end)
    if cluster:
        yield cluster


def _cluster(cluster: list[Finding]) -> list[Finding]:
    """Paint in order of rank on what is still free, a stretch a finding; neighbours of one finding or type rejoin."""
    first = min(finding.start for finding in cluster)
    owner: list[Finding | None] = [None] * (max(finding.end for finding in cluster) - first)
    for finding in sorted(cluster, key=_rank):
        for position in range(finding.start - first, finding.end - first):
            if owner[position] is None:
                owner[position] = finding
    kept: list[Finding] = []
    for winner, stretch in _stretches(owner):
        start, end = first + stretch[0], first + stretch[1]
        last = kept[-1] if kept else None
        if last and last.end == start and last.entity_type == winner.entity_type:
            kept[-1] = replace(last, end=end, score=max(last.score, winner.score))
        else:
            kept.append(replace(winner, start=start, end=end))
    return kept


def _stretches(owner: list[Finding | None]) -> Iterator[tuple[Finding, tuple[int, int]]]:
    """Runs of characters that belong to one finding."""
    start = 0
    for winner, run in groupby(owner):
        end = start + sum(1 for _ in run)
        if winner is not None:
            yield winner, (start, end)
        start = end
