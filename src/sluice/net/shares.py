"""One worker's share of a plan: what bounds the whole group is divided among its processes, rounded up.

Pure. Guarantee: of workers that all serve the same plan, none takes more than its share, so that together they exceed a
bound by less than one per worker. A bound that is off stays off.
"""

import msgspec

from sluice.config.plan import Entry, Plan, Rule


def share(plan: Plan, workers: int) -> Plan:
    """Return the plan with every bound of the process divided by the number of workers."""
    admission = plan.admission
    rules: dict[int, Rule] = {}  # by identity: what entries shared they share still
    return msgspec.structs.replace(
        plan,
        admission=msgspec.structs.replace(
            admission,
            max_concurrent=_part(admission.max_concurrent, workers),
            max_queue=_part(admission.max_queue, workers),
            max_memory_bytes=_part(admission.max_memory_bytes, workers),
        ),
        listeners=tuple(
            msgspec.structs.replace(
                listener, entries=tuple(_entry(entry, workers, rules) for entry in listener.entries)
            )
            for listener in plan.listeners
        ),
    )


def _entry(entry: Entry, workers: int, rules: dict[int, Rule]) -> Entry:
    rule = rules.get(id(entry.rule))
    if rule is None:
        streaming = entry.rule.streaming
        part = _part(streaming.drain_concurrent, workers)
        streaming = msgspec.structs.replace(streaming, drain_concurrent=part)
        rule = rules[id(entry.rule)] = msgspec.structs.replace(entry.rule, streaming=streaming)
    return msgspec.structs.replace(entry, rule=rule)


def _part(whole: int, workers: int) -> int:
    return -(-whole // workers)
