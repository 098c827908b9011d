"""The WHATWG rules for server-sent events, as slowly and literally as they are written. The judge of wire/sse.py.

Source: HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream", read 2026-11-21. The whole
stream is in memory, nothing is incremental, and only names are decoded: our decoder leaves data as bytes.
"""

Dispatched = tuple[str, bytes, str]
"""Event type, data, last event ID string."""


def lines_of(stream: bytes) -> list[bytes]:
    """The lines that have an end. `stream = [ bom ] *event`; `end-of-line = ( cr lf / cr / lf )`."""
    if stream[:3] == b"\xef\xbb\xbf":
        stream = stream[3:]
    lines = []
    line = bytearray()
    position = 0
    while position < len(stream):
        if stream[position : position + 2] == b"\r\n":
            lines.append(bytes(line))
            line.clear()
            position += 2
        elif stream[position] in b"\r\n":
            lines.append(bytes(line))
            line.clear()
            position += 1
        else:
            line.append(stream[position])
            position += 1
    return lines


def dispatched(stream: bytes) -> list[Dispatched]:
    """Interpret a whole stream. An event that lacks its blank line at the end is discarded."""
    events = []
    data, event_type, last_event_id = b"", "", ""
    for line in lines_of(stream):
        if line == b"":
            if data != b"":
                events.append((event_type or "message", data.removesuffix(b"\n"), last_event_id))
            data, event_type = b"", ""
        elif line[0:1] == b":":
            pass
        else:
            field, value = line, b""
            if b":" in line:
                colon = line.index(b":")
                field, value = line[:colon], line[colon + 1 :]
                if value[0:1] == b" ":
                    value = value[1:]
            if field == b"event":
                event_type = value.decode("utf-8", "replace")
            elif field == b"data":
                data += value + b"\n"
            elif field == b"id" and b"\0" not in value:
                last_event_id = value.decode("utf-8", "replace")
    return events
