"""net/signing.py: tokens of Google service accounts, bought at a token endpoint of our own."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sluice.errors import Unreachable
from sluice.net import signing
from sluice.net.signing import CloudSigner
from sluice.providers.credential import GoogleAccount, Secret


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Desk:
    """A token endpoint on loopback. `answer` says what it sells: status and body."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[], tuple[int, bytes]] = self.token
        self.open = asyncio.Event()
        """Nothing is answered before."""
        self.open.set()
        self.port = 0

    def token(self) -> tuple[int, bytes]:
        sold = {"access_token": f"ya29.{len(self.asked)}", "expires_in": 3600, "token_type": "Bearer"}
        return 200, json.dumps(sold).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        form = parse_qs((await reader.readexactly(length)).decode())
        self.asked.append({name: values[0] for name, values in form.items()})
        await self.open.wait()
        status, body = self.answer()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    server = await asyncio.start_server(desk.serve, "127.0.0.1", 0)
    desk.port = server.sockets[0].getsockname()[1]
    try:
        yield desk
    finally:
        desk.open.set()
        server.close()
        await server.wait_closed()


class Clock:
    """Wall-clock time that passes when told to."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def account(private_key: rsa.RSAPrivateKey, port: int, **more: object) -> GoogleAccount:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = {
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "token_uri": f"http://127.0.0.1:{port}/token",
    }
    return GoogleAccount(info=Secret(json.dumps(info | more)))


async def bearer(signer: CloudSigner, auth: GoogleAccount) -> str:
    headers = await signer.sign(auth, method="POST", url_host="h", path_and_query="/", headers=[], body=b"")
    ((name, value),) = headers
    assert name == b"authorization"
    return value.decode()


def claims(assertion: str, public_key: rsa.RSAPublicKey) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims of a JWT whose signature holds."""
    head, body, seal = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in assertion.split("."))
    public_key.verify(seal, assertion.rpartition(".")[0].encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(head), json.loads(body)


async def test_a_token_is_bought_with_a_signed_assertion(desk: Desk, private_key: rsa.RSAPrivateKey) -> None:
    assert await bearer(CloudSigner(), account(private_key, desk.port)) == "Bearer ya29.1"
    (form,) = desk.asked
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, body = claims(form["assertion"], private_key.public_key())
    assert (head["alg"], head["kid"]) == ("RS256", "k1")
    assert body["iss"] == "robot@project.iam.gserviceaccount.com"
    assert body["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert abs(int(str(body["iat"])) - time.time()) < 60


async def test_many_who_wait_share_one_purchase(desk: Desk, private_key: rsa.RSAPrivateKey) -> None:
    signer, auth = CloudSigner(), account(private_key, desk.port)
    got = await asyncio.gather(*(bearer(signer, auth) for _ in range(20)))
    assert set(got) == {"Bearer ya29.1"}
    assert await bearer(signer, auth) == "Bearer ya29.1"
    assert len(desk.asked) == 1


async def test_who_gives_up_takes_nothing_from_the_others(desk: Desk, private_key: rsa.RSAPrivateKey) -> None:
    signer, auth = CloudSigner(), account(private_key, desk.port)
    desk.open.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(bearer(signer, auth))
        second = group.create_task(bearer(signer, auth))
        while not desk.asked:
            await asyncio.sleep(0.001)
        first.cancel()
        desk.open.set()
    assert second.result() == "Bearer ya29.1"
    assert len(desk.asked) == 1


async def test_a_token_is_renewed_five_minutes_before_it_expires(desk: Desk, private_key: rsa.RSAPrivateKey) -> None:
    clock = Clock()
    signer, auth = CloudSigner(now=clock), account(private_key, desk.port)
    got = []
    for clock.ahead in (0, 3200, 3310):
        got.append(await bearer(signer, auth))
    assert got == ["Bearer ya29.1", "Bearer ya29.1", "Bearer ya29.2"]


async def test_two_accounts_have_two_tokens(desk: Desk, private_key: rsa.RSAPrivateKey) -> None:
    signer = CloudSigner()
    one = account(private_key, desk.port)
    other = account(private_key, desk.port, client_email="other@project.iam.gserviceaccount.com")
    assert [await bearer(signer, auth) for auth in (one, other, one)] == [
        "Bearer ya29.1",
        "Bearer ya29.2",
        "Bearer ya29.1",
    ]


async def test_a_token_whose_seller_does_not_say_how_long_it_lasts(desk: Desk, private_key: rsa.RSAPrivateKey) -> None:
    desk.answer = lambda: (200, b'{"access_token":"t%d"}' % len(desk.asked))
    clock = Clock()
    signer, auth = CloudSigner(now=clock), account(private_key, desk.port)
    got = []
    for clock.ahead in (0, 3200, 3310):
        got.append(await bearer(signer, auth))
    assert got == ["Bearer t1", "Bearer t1", "Bearer t2"]


async def refusal(signer: CloudSigner, auth: GoogleAccount) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await bearer(signer, auth)
    for secret in ("PRIVATE KEY", "assertion=", "eyJ"):
        assert secret not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.status == 503
    return caught.value


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, b'{"error":"invalid_grant","error_description":"PRIVATE KEY eyJ"}'), r"refused .* \(invalid_grant\)$"),
        ((401, b'{"error":"PRIVATE KEY"}'), "refused an access token$"),
        ((400, b"<html>eyJ</html>"), "refused an access token$"),
        ((200, b"{}"), "refused an access token$"),
        ((200, b"[]"), "no access token could be had"),
        ((200, b'{"access_token":"t","expires_in":"soon"}'), "no access token could be had"),
        ((302, b""), "refused an access token$"),
    ],
)
async def test_a_refusal_holds_no_secret(
    desk: Desk, private_key: rsa.RSAPrivateKey, answer: tuple[int, bytes], words: str
) -> None:
    desk.answer = lambda: answer
    signer, auth = CloudSigner(), account(private_key, desk.port)
    failures = await asyncio.gather(*(refusal(signer, auth) for _ in range(3)))
    assert len(desk.asked) == 1
    assert len(set(map(id, failures))) == 3
    with pytest.raises(Unreachable, match=words):
        await bearer(signer, auth)
    desk.answer = desk.token
    assert await bearer(signer, auth) == "Bearer ya29.3"


async def test_an_endpoint_that_is_not_there(private_key: rsa.RSAPrivateKey, unused_tcp_port: int) -> None:
    error = await refusal(CloudSigner(), account(private_key, unused_tcp_port))
    assert "could not be reached" in str(error)


@pytest.mark.parametrize(
    "info", ["", "{", "[]", "null", "{}", '{"client_email":"a","token_uri":"b","private_key":"c"}']
)
async def test_a_key_file_that_is_none(info: str) -> None:
    error = await refusal(CloudSigner(), GoogleAccount(info=Secret(info)))
    assert str(error) == "the key file of the service account cannot be read"


async def test_while_the_old_token_holds_a_failed_renewal_is_no_failure(
    desk: Desk, private_key: rsa.RSAPrivateKey
) -> None:
    clock = Clock()
    signer, auth = CloudSigner(now=clock), account(private_key, desk.port)
    assert await bearer(signer, auth) == "Bearer ya29.1"
    desk.answer = lambda: (400, b'{"error":"invalid_grant"}')
    clock.ahead = 3310
    assert [await bearer(signer, auth) for _ in range(3)] == ["Bearer ya29.1"] * 3
    assert len(desk.asked) == 2, "the next attempt waits a little"
    clock.ahead += signing.RETRY_AFTER_S + 1
    assert await bearer(signer, auth) == "Bearer ya29.1"
    assert len(desk.asked) == 3
    clock.ahead = 3601
    await refusal(signer, auth)


def test_a_token_does_not_print_itself() -> None:
    assert "secret" not in repr(signing.Token("secret", 1, 2))
