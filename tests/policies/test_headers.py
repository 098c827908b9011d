"""policies.headers: which headers cross."""

from sluice.policies.headers import names_credential, to_client, to_provider


def test_only_named_headers_cross() -> None:
    secret = [(b"authorization", b"x"), (b"cookie", b"x"), (b"x-forwarded-for", b"x"), (b"x-api-key", b"x")]
    theirs = [(b"accept", b"*/*"), (b"anthropic-beta", b"b"), (b"openai-beta", b"b")]
    kept = [(b"idempotency-key", b"i"), (b"user-agent", b"u")]
    described = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    assert to_provider([*secret, *theirs, *described, *kept], same_api=True) == [*theirs, *kept]
    assert to_provider([*secret, *theirs, *described, *kept], same_api=False) == kept
    answers = [(b"retry-after", b"1"), (b"x-ratelimit-remaining-tokens", b"2")]
    assert to_client([*answers, (b"set-cookie", b"x"), (b"server", b"x"), (b"x-request-id", b"x")]) == answers


def test_names_tell_what_carries_a_credential() -> None:
    carrying = (
        "authorization proxy-authorization cookie x-api-key api-key x-goog-api-key apikey ocp-apim-subscription-key"
    )
    carrying += " X-Amz-Security-Token x-vendor-token x-shared-secret x-db-password"
    for name in carrying.split():
        assert names_credential(name.encode()), name
    for name in ("idempotency-key", "user-agent", "x-team", "x-keyboard", "accept", "x-request-id"):
        assert not names_credential(name.encode()), name
