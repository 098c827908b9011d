"""A rate-limit service for tests: the official gRPC server, and messages of the official protobuf runtime, built from
the published fields. It counts in fixed windows that never end."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "string": _FIELD.TYPE_STRING,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
    "int64": _FIELD.TYPE_INT64,
    "int32": _FIELD.TYPE_INT32,
    "bytes": _FIELD.TYPE_BYTES,
}
_MESSAGES = {
    "Count": [("value", 1, "uint64", False)],
    "Span": [("seconds", 1, "int64", False), ("nanos", 2, "int32", False)],
    "Entry": [("key", 1, "string", False), ("value", 2, "string", False)],
    "Override": [("requests_per_unit", 1, "uint32", False), ("unit", 2, "int32", False)],
    "Descriptor": [("entries", 1, "Entry", True), ("limit", 2, "Override", False), ("hits_addend", 3, "Count", False)],
    "Request": [
        ("domain", 1, "string", False),
        ("descriptors", 2, "Descriptor", True),
        ("hits_addend", 3, "uint32", False),
    ],
    "Limit": [("requests_per_unit", 1, "uint32", False), ("unit", 2, "int32", False), ("name", 3, "string", False)],
    "Status": [
        ("code", 1, "int32", False),
        ("current_limit", 2, "Limit", False),
        ("limit_remaining", 3, "uint32", False),
        ("duration_until_reset", 4, "Span", False),
    ],
    "Header": [("key", 1, "string", False), ("value", 2, "string", False), ("raw_value", 3, "bytes", False)],
    "Response": [
        ("overall_code", 1, "int32", False),
        ("statuses", 2, "Status", True),
        ("response_headers_to_add", 3, "Header", True),
        ("request_headers_to_add", 4, "Header", True),
        ("raw_body", 5, "bytes", False),
    ],
}  # fmt: skip


def _built() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="rls.proto", package="rls", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            made = message.field.add(name=field, number=number)
            made.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            if kind in _KINDS:
                made.type = _KINDS[kind]
            else:
                made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".rls.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"rls.{name}")) for name in _MESSAGES}


MESSAGE = _built()
"""Message classes by name."""
OK, OVER_LIMIT = 1, 2


class RateLimitServer:
    """Limits by (domain, entries); a descriptor without one is always admitted. Starts with `with`."""

    def __init__(self, limits: dict[tuple[tuple[str, str], ...], int] | None = None) -> None:
        self.limits = limits or {}
        self.asked: list[Any] = []
        self.counts: dict[tuple[tuple[str, str], ...], int] = {}
        self.body = b""
        self.headers: Sequence[tuple[str, str]] = ()
        self.request_headers: Sequence[tuple[str, str]] = ()
        self.before: Callable[[], None] = lambda: None
        self.fails: grpc.StatusCode | None = None
        self.port = 0

    def start(self) -> None:
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=MESSAGE["Request"].FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        service = "envoy.service.ratelimit.v3.RateLimitService"
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"ShouldRateLimit": handler}),)
        )
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def _answer(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.before()
        if self.fails is not None:
            context.abort(self.fails, "no, thank you")
        self.asked.append(request)
        response = MESSAGE["Response"](overall_code=OK, raw_body=self.body)
        for descriptor in request.descriptors:
            response.statuses.append(self._status(descriptor))
        if any(status.code == OVER_LIMIT for status in response.statuses):
            response.overall_code = OVER_LIMIT
        for to, headers in (
            (response.response_headers_to_add, self.headers),
            (response.request_headers_to_add, self.request_headers),
        ):
            for key, value in headers:
                to.add(key=key, value=value)
        return response

    def _status(self, descriptor: Any) -> Any:
        entries = tuple((entry.key, entry.value) for entry in descriptor.entries)
        limit = descriptor.limit.requests_per_unit if descriptor.HasField("limit") else self.limits.get(entries)
        if limit is None:
            return MESSAGE["Status"](code=OK)
        count = self.counts[entries] = self.counts.get(entries, 0) + descriptor.hits_addend.value
        over = count > limit or (not descriptor.hits_addend.value and count >= limit)
        status = MESSAGE["Status"](code=OVER_LIMIT if over else OK, limit_remaining=max(0, limit - count))
        status.current_limit.requests_per_unit = limit
        status.duration_until_reset.seconds = 59
        status.duration_until_reset.nanos = 1
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
