"""net/signing.py: AWS signatures, against the published algorithm."""

import hashlib
import hmac
import subprocess
import sys
from urllib.parse import quote

import pytest

from sluice.gateway.ports import Signer
from sluice.net import signing
from sluice.net.signing import CloudSigner
from sluice.providers.credential import AwsKeys, Secret

AT = 1_440_938_160.0
"""2015-08-30T12:36:00Z, the second of AWS's own examples."""
KEYS = AwsKeys(
    access_key_id="AKIDEXAMPLE",
    secret_access_key=Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    region="us-east-1",
)

# -- AWS --------------------------------------------------------------------------------------------------------------


async def signed(
    keys: AwsKeys = KEYS,
    *,
    method: str = "POST",
    host: str = "bedrock-runtime.us-east-1.amazonaws.com",
    path: str = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"{}",
    at: float = AT,
) -> dict[str, str]:
    signer: Signer = CloudSigner(now=lambda: at)
    added = await signer.sign(keys, method=method, url_host=host, path_and_query=path, headers=headers or [], body=body)
    assert len({name for name, _ in added}) == len(added)
    return {name.decode(): value.decode() for name, value in added}


def by_hand(keys: AwsKeys, method: str, path: str, query: str, headers: dict[str, str], body: bytes, at: str) -> str:
    """The Authorization header as the vendor's page describes it; `path` is encoded as it is sent."""
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            query,
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{at[:8]}/{keys.region}/{keys.service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + keys.secret_access_key.reveal().encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"


async def test_the_vendors_own_example() -> None:
    """`get-vanilla` of the published test suite."""
    keys = AwsKeys(
        access_key_id=KEYS.access_key_id,
        secret_access_key=KEYS.secret_access_key,
        region=KEYS.region,
        service="service",
    )
    added = await signed(keys, method="GET", host="example.amazonaws.com", path="/", body=b"")
    assert added == {
        "x-amz-date": "20150830T123600Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
        "/model/meta.llama3/converse",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse",
        "/model/a:b/converse",
    ],
)
@pytest.mark.parametrize("host", ["bedrock-runtime.us-east-1.amazonaws.com", "127.0.0.1:8080", "[::1]:80"])
async def test_every_path_is_encoded_once_more(path: str, host: str) -> None:
    added = await signed(path=path, host=host, body=b'{"messages":[]}')
    covered = {"host": host, "x-amz-date": "20150830T123600Z"}
    assert added["authorization"] == by_hand(KEYS, "POST", path, "", covered, b'{"messages":[]}', "20150830T123600Z")


async def test_a_session_token_is_sent_and_covered() -> None:
    keys = AwsKeys(
        access_key_id="A", secret_access_key=Secret("s"), session_token=Secret("to/ken="), region="eu-west-1"
    )
    added = await signed(keys, path="/", headers=[(b"x-amz-security-token", b"stale"), (b"X-Amz-Date", b"stale")])
    assert added["x-amz-security-token"] == "to/ken="
    covered = {
        "host": "bedrock-runtime.us-east-1.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
        "x-amz-security-token": "to/ken=",
    }
    assert added["authorization"] == by_hand(keys, "POST", "/", "", covered, b"{}", "20150830T123600Z")


async def test_what_may_change_on_the_way_is_not_covered() -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"X-Amzn-Trace", b"a"),
        (b"x-amz-meta", b"  a   b "),
        (b"traceparent", b"00-1"),
        (b"connection", b"keep-alive"),
        (b"user-agent", b"x"),
        (b"host", b"elsewhere"),
    ]
    added = await signed(path="/a?b=1&a=%20", headers=headers)
    covered = {
        "content-type": "application/json",
        "host": "bedrock-runtime.us-east-1.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
        "x-amz-meta": "a b",
    }
    assert added.keys() == {"x-amz-date", "authorization"}
    assert added["authorization"] == by_hand(KEYS, "POST", "/a", "a=%20&b=1", covered, b"{}", "20150830T123600Z")


@pytest.mark.parametrize("size", [0, signing.INLINE_BYTES, signing.INLINE_BYTES + 1])
async def test_bodies_of_any_size_are_covered(size: int) -> None:
    signer = CloudSigner(now=lambda: AT)
    covered = {"host": "h", "x-amz-date": "20150830T123600Z"}
    for _ in range(2):  # the first in a thread, for its imports; the second here, unless the body is long
        added = await signer.sign(KEYS, method="POST", url_host="h", path_and_query="/", headers=[], body=b"x" * size)
        wanted = by_hand(KEYS, "POST", "/", "", covered, b"x" * size, "20150830T123600Z")
        assert dict(added)[b"authorization"].decode() == wanted


async def test_the_clock_is_the_one_handed_in() -> None:
    first, second = await signed(), await signed(at=AT + 1)
    assert (first["x-amz-date"], second["x-amz-date"]) == ("20150830T123600Z", "20150830T123601Z")
    assert first["authorization"] != second["authorization"]


def test_a_process_that_signs_nothing_imports_neither_library() -> None:
    code = (
        "import sys, sluice.net.signing; print([m for m in sys.modules if m.split('.')[0] in {'botocore', 'google'}])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
