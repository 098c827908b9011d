"""What the tests of services that judge text share."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from sluice.providers.text_judge import Asked, Form

Side = Literal["request", "response"]


def asked(
    *texts: str,
    side: Literal["request", "response"] = "request",
    roles: Sequence[str] = (),
    context: Sequence[str] = (),
) -> Asked:
    return Asked(texts=texts, roles=tuple(roles) or ("user",) * len(texts), side=side, context=tuple(context))


def questions(form: Form, about: Asked) -> list[tuple[str, object]]:
    return [(question.path, msgspec.json.decode(question.body)) for question in form.questions(about)]


def finding(form: Form, about: Asked, *answers: object) -> object:
    return form.read(about, [msgspec.json.encode(answer) for answer in answers])
