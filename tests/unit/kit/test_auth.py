"""Tokens: who is let in, who isn't, and how keys are found."""

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from shared.kit.actors import Actors
from shared.kit.auth import Authenticator, Principal
from shared.kit.exceptions import KeysMalformed
from shared.kit.problems import Problem
from shared.kit.settings import Settings
from shared.kit.token_keys import KeyFolder, TokenKey, mint_token
from tests.support.tokens import KEY, KEYS_FILE

SECRET = "a secret that has at least thirty-two bytes"
ISSUER = "https://issuer.example/realm"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def settings(**overrides: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": "postgresql://nobody@localhost/nothing",
        "bus_url": "postgresql://nobody@localhost/nothing",
        "objects_url": "memory://",
        "objects_secret": SecretStr(SECRET),
        "actor_secret": SecretStr(SECRET),
        "token_keys_file": KEYS_FILE,
    }
    return Settings(**(values | overrides))


def claims(**overrides: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": ISSUER, "aud": "touchstone", "sub": "ann", "roles": ["manager"], "iat": now, "exp": now + 60,
    }  # fmt: skip
    whole |= overrides
    return {name: value for name, value in whole.items() if value is not None}


def local(**overrides: Any) -> str:
    """A token that is signed as ours are."""
    return signed(claims(**({"iss": "touchstone-local"} | overrides)))


def signed(content: dict[str, Any], key: TokenKey = KEY, kid: str | None = KEY.kid) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(content, key.private, algorithm="EdDSA", headers=headers)


def hmac_with(secret: bytes, algorithm: str = "HS256") -> str:
    """A token of ours as somebody makes it who knows our public key, and takes it for a secret."""
    head = json.dumps({"alg": algorithm, "typ": "JWT", "kid": KEY.kid}).encode()
    body = json.dumps(claims(iss="touchstone-local")).encode()
    text = b".".join(jwt.utils.base64url_encode(part) for part in (head, body))
    digest = hmac.digest(secret, text, hashlib.sha256)
    return b".".join((text, jwt.utils.base64url_encode(digest))).decode()


def header_of(text: str) -> str:
    return jwt.utils.base64url_encode(text.encode()).decode() + ".e30.AA"


PUBLIC_RAW = KEY.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
PUBLIC_PEM = KEY.private.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


class FakeIssuer:
    """An OIDC issuer that can rotate its keys and fall silent."""

    def __init__(self) -> None:
        self.keys = {"one": RSA.public_key()}
        self.silent = False
        self.name = ISSUER
        self.fetched = 0
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.silent:
            raise httpx.ConnectError("silence")
        if request.url.path.endswith("/.well-known/openid-configuration"):
            return httpx.Response(200, json={"issuer": self.name, "jwks_uri": f"{ISSUER}/keys"})
        self.fetched += 1
        keys = []
        for key_id, key in self.keys.items():
            algorithm: Any = (
                jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else jwt.algorithms.ECAlgorithm
            )
            keys.append(algorithm.to_jwk(key, as_dict=True) | {"kid": key_id, "use": "sig"})
        oct_key = {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}
        return httpx.Response(200, json={"keys": [*keys, oct_key, {"kty": "unheard-of", "kid": "x"}]})


def oidc(issuer: FakeIssuer, **overrides: Any) -> Authenticator:
    return Authenticator(settings(oidc_issuer=ISSUER, **overrides), issuer.client)


async def refused(authenticator: Authenticator, token: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await authenticator.authenticate(token)
    assert caught.value.status == 401
    assert (caught.value.headers or {})["WWW-Authenticate"] == "Bearer"
    return caught.value


async def test_a_minted_token_is_let_in() -> None:
    project = uuid4()
    token = mint_token(KEY, "ann", ["annotator", "arbiter"], [project])
    principal = await Authenticator(settings()).authenticate(token)
    actor = Actors(settings()).id_of("ann")
    assert principal == Principal("ann", actor, frozenset({"annotator", "arbiter"}), frozenset({project}))


async def test_a_token_without_projects_sees_all_of_them() -> None:
    principal = await Authenticator(settings()).authenticate(mint_token(KEY, "ann", ["manager"]))
    assert principal.may_see(uuid4())
    limited = await Authenticator(settings()).authenticate(mint_token(KEY, "ann", ["manager"], []))
    assert not limited.may_see(uuid4())


async def test_roles_that_nobody_knows_are_dropped() -> None:
    principal = await Authenticator(settings()).authenticate(local(roles=["manager", "emperor"]))
    assert principal.roles == {"manager"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "not.a.token",
        lambda: "a" * 20_000,
        lambda: jwt.encode(claims(iss="touchstone-local"), "", algorithm="none"),
        lambda: jwt.encode(claims(iss="touchstone-local"), "", algorithm="none", headers={"kid": KEY.kid}),
        lambda: hmac_with(PUBLIC_RAW),
        lambda: hmac_with(PUBLIC_PEM),
        lambda: hmac_with(KEYS_FILE.read_bytes()),
        lambda: hmac_with(json.dumps(KEY.public_jwk()).encode()),
        lambda: hmac_with(PUBLIC_RAW, algorithm="EdDSA"),
        lambda: hmac_with(b"", algorithm="none"),
        lambda: signed(claims(iss="touchstone-local"), TokenKey.create()),
        lambda: signed(claims(iss="touchstone-local"), kid=None),
        lambda: signed(claims(iss="touchstone-local"), kid=TokenKey.create().kid),
        lambda: jwt.encode(claims(iss="touchstone-local"), RSA, algorithm="RS256", headers={"kid": KEY.kid}),
        lambda: jwt.encode(
            claims(iss="touchstone-local"), KEY.private, "EdDSA", headers={"kid": "x", "jwk": KEY.public_jwk()}
        ),
        lambda: header_of('{"alg": "EdDSA", "kid": 7}'),
        lambda: header_of('{"alg": ["EdDSA"], "kid": "' + KEY.kid + '"}'),
        lambda: header_of('{"alg": null}'),
        lambda: header_of('["EdDSA"]'),
        lambda: header_of('{"alg": ' + "[" * 5_500 + "]" * 5_500 + "}"),
        lambda: local(exp=float("inf")),
        lambda: local(exp=float("nan")),
        lambda: local(padding="a" * 20_000),
        lambda: jwt.encode(claims(iss="touchstone-local"), RSA, algorithm="RS256"),
        lambda: local(exp=int(time.time()) - 60),
        lambda: local(exp=None),
        lambda: local(exp="tomorrow"),
        lambda: local(nbf=int(time.time()) + 600),
        lambda: local(aud="somebody-else"),
        lambda: local(aud=None),
        lambda: local(iss=ISSUER),
        lambda: local(iss=None),
        lambda: local(sub=None),
        lambda: local(sub=""),
        lambda: local(sub="a\0b"),
        lambda: local(sub="a" * 256),
        lambda: local(roles=None),
        lambda: local(roles="admin"),
        lambda: local(projects=["everything"]),
        lambda: local()[:-4] + "AAAA",
        lambda: local().rsplit(".", 1)[0] + ".",
    ],
)
async def test_forged_expired_and_malformed_tokens_are_refused(make: Callable[[], str]) -> None:
    await refused(Authenticator(settings()), make())


async def test_a_local_token_is_refused_where_no_local_key_is_set() -> None:
    await refused(oidc(FakeIssuer(), token_keys_file=None), local())


async def test_an_issuers_tokens_are_let_in_with_rsa_and_elliptic_curves() -> None:
    issuer = FakeIssuer()
    issuer.keys["curve"] = CURVE.public_key()  # type: ignore[assignment]
    authenticator = oidc(issuer)
    by_rsa = jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "one"})
    by_curve = jwt.encode(claims(sub="bob"), CURVE, algorithm="ES256", headers={"kid": "curve"})
    assert (await authenticator.authenticate(by_rsa)).subject == "ann"
    assert (await authenticator.authenticate(by_curve)).subject == "bob"
    assert issuer.fetched == 1, "the keys are kept"


async def test_the_issuers_public_key_is_no_hmac_secret() -> None:
    public = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, body = (jwt.utils.base64url_encode(part).decode() for part in (b'{"alg":"HS256","kid":"one"}', b"{}"))
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{header}.{body}".encode(), public
    )
    await refused(oidc(FakeIssuer()), f"{header}.{body}.{jwt.utils.base64url_encode(signature).decode()}")


@pytest.mark.parametrize(
    "make",
    [
        lambda: jwt.encode(claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "one"}),
        lambda: jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "unknown"}),
        lambda: jwt.encode(claims(), RSA, algorithm="RS256"),
        lambda: jwt.encode(claims(iss="touchstone-local"), RSA, algorithm="RS256", headers={"kid": "one"}),
        lambda: jwt.encode(claims(iss="https://evil.example"), RSA, algorithm="RS256", headers={"kid": "one"}),
        lambda: jwt.encode(claims(), "secret-secret-secret-secret-secret", "HS256", headers={"kid": "symmetric"}),
        lambda: jwt.encode(claims(), CURVE, algorithm="ES256", headers={"kid": "one"}),
    ],
)
async def test_tokens_that_the_issuer_did_not_sign_are_refused(make: Callable[[], str]) -> None:
    await refused(oidc(FakeIssuer()), make())


async def test_a_new_key_of_the_issuer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.kit.verification_keys.KEYS_REFETCH_S", 0.0)
    issuer = FakeIssuer()
    authenticator = oidc(issuer)
    await authenticator.authenticate(jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "one"}))
    issuer.keys = {"two": OTHER_RSA.public_key()}
    rotated = jwt.encode(claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "two"})
    assert (await authenticator.authenticate(rotated)).subject == "ann"


async def test_unknown_keys_do_not_make_us_ask_the_issuer_every_time() -> None:
    issuer = FakeIssuer()
    authenticator = oidc(issuer)
    for number in range(20):
        await refused(authenticator, jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": f"k{number}"}))
    assert issuer.fetched == 1


async def test_keys_stay_good_while_the_issuer_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.kit.verification_keys.KEYS_FRESH_S", 0.0)
    monkeypatch.setattr("shared.kit.verification_keys.KEYS_REFETCH_S", 0.0)
    issuer = FakeIssuer()
    authenticator = oidc(issuer)
    await authenticator.authenticate(jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "one"}))
    issuer.silent = True
    again = jwt.encode(claims(sub="bob"), RSA, algorithm="RS256", headers={"kid": "one"})
    assert (await authenticator.authenticate(again)).subject == "bob"


@pytest.mark.parametrize("fault", ["silent", "another name"])
async def test_without_any_key_of_the_issuer_the_answer_is_503(fault: str) -> None:
    issuer = FakeIssuer()
    issuer.silent = fault == "silent"
    issuer.name = ISSUER if issuer.silent else "https://evil.example"
    with pytest.raises(Problem) as caught:
        await oidc(issuer).authenticate(jwt.encode(claims(), RSA, algorithm="RS256", headers={"kid": "one"}))
    assert caught.value.status == 503


async def test_a_known_token_is_forgotten_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator = Authenticator(settings())
    token = mint_token(KEY, "ann", ["manager"], ttl_s=100)
    await authenticator.authenticate(token)
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 101 + 600)
    monkeypatch.setattr(jwt.api_jwt, "datetime", _ClockAt(now + 101 + 600))
    await refused(authenticator, token)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFolder:
    """A folder of keys whose changes are noticed at once."""
    monkeypatch.setattr("shared.kit.verification_keys.LOOK_AGAIN_S", 0.0)
    folder = KeyFolder(tmp_path)
    folder.rotate()
    return folder


async def test_while_a_key_is_rotated_old_and_new_tokens_are_let_in_until_the_old_key_is_removed(
    keys: KeyFolder,
) -> None:
    authenticator = Authenticator(settings(token_keys_file=keys.public_file))
    old = keys.load()
    before = mint_token(old, "ann", ["manager"])
    await authenticator.authenticate(before)
    after = mint_token(keys.rotate(), "bob", ["manager"])
    assert (await authenticator.authenticate(before)).subject == "ann"
    assert (await authenticator.authenticate(after)).subject == "bob"
    late = mint_token(old, "eve", ["manager"])
    assert (await authenticator.authenticate(late)).subject == "eve", "who still had the old key to mint with"
    keys.remove(old.kid)
    for token in (before, late):
        await refused(authenticator, token)
    assert (await authenticator.authenticate(after)).subject == "bob"


@pytest.mark.parametrize("fault", ["malformed", "gone", "private", "empty"])
async def test_a_file_of_keys_that_breaks_leaves_the_keys_as_they_were(keys: KeyFolder, fault: str) -> None:
    authenticator = Authenticator(settings(token_keys_file=keys.public_file))
    if fault == "gone":
        keys.public_file.unlink()
    else:
        content = {
            "malformed": "{",
            "empty": '{"keys": []}',
            "private": json.dumps({"keys": [keys.load().private_jwk()]}),
        }
        keys.public_file.write_text(content[fault])
    assert (await authenticator.authenticate(mint_token(keys.load(), "ann", ["manager"]))).subject == "ann"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"keys": {}}',
        '{"keys": []}',
        '{"keys": [7]}',
        json.dumps({"keys": [KEY.private_jwk()]}),
        json.dumps({"keys": [KEY.public_jwk(), KEY.public_jwk()]}),
        json.dumps({"keys": [{**KEY.public_jwk(), "kid": None}]}),
        json.dumps({"keys": [{**KEY.public_jwk(), "x": "AAAA"}]}),
        json.dumps({"keys": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]}),
    ],
)
def test_a_service_does_not_start_with_keys_that_it_cannot_use(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token-keys.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(KeysMalformed, match=r"token-keys\.json") as caught:
        Authenticator(settings(token_keys_file=file))
    assert KEY.private_jwk()["d"] not in str(caught.value)


async def test_a_token_is_verified_once_and_the_most_used_ones_stay_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.kit.auth._CACHED_TOKENS", 3)
    verified: list[str] = []
    decode = jwt.decode

    def counting(token: str, *args: Any, **options: Any) -> Any:
        verified.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr("shared.kit.auth.jwt.decode", counting)
    authenticator = Authenticator(settings())
    used = mint_token(KEY, "ann", ["manager"])
    for number in range(10):
        await authenticator.authenticate(used)
        await authenticator.authenticate(mint_token(KEY, f"other {number}", ["manager"]))
    assert verified.count(used) == 1
    assert len(authenticator._known) == 3


def test_an_actor_is_the_same_for_the_same_person_and_secret_alone() -> None:
    one, same, other = (Actors(settings(actor_secret=SecretStr(secret * 16))) for secret in ("ab", "ab", "cd"))
    assert one.id_of("ann@example.com") == same.id_of("ann@example.com")
    assert len({one.id_of("ann@example.com"), one.id_of("Ann@example.com"), other.id_of("ann@example.com")}) == 3
    assert (UUID(one.id_of("ann")).version, UUID(one.id_of("ann")).variant) == (8, "specified in RFC 4122")


class _ClockAt:
    """PyJWT asks `datetime.now`."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def now(self, tz: Any = None) -> "_ClockAt":
        return self

    def timestamp(self) -> float:
        return self._moment


async def test_admin_holds_every_role_but_no_more_projects_than_the_token_names() -> None:
    project = uuid4()
    admin = Principal("root", str(uuid4()), frozenset({"admin"}), frozenset({project}))
    assert admin.has("annotator")
    with pytest.raises(Problem):
        admin.check_project(uuid4())


def test_a_service_that_nobody_could_call_does_not_start() -> None:
    with pytest.raises(ValueError, match="oidc_issuer"):
        settings(token_keys_file=None)


@pytest.mark.parametrize("name", ["actor_secret", "objects_secret"])
def test_short_keys_are_refused_without_being_shown(name: str) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        settings(**{name: SecretStr("hunter2")})
    assert "hunter2" not in str(caught.value)


NOT_A_MOMENT: list[Any] = [str(int(time.time()) + 60), "4e9", True, [4_000_000_000], {"at": 4_000_000_000}, "never"]


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", NOT_A_MOMENT, ids=repr)
async def test_a_moment_is_a_number(claim: str, value: Any) -> None:
    """RFC 7519 §2; whoever signs text for it may mean anything by it."""
    await refused(Authenticator(settings()), local(**{claim: value}))


@pytest.mark.parametrize("claim", ["aud", "iss", "sub", "roles", "projects"])
@pytest.mark.parametrize("value", [{}, [{}], [[]], [None], 7, 1e300, "\ud800", ["a" * 100_000]], ids=repr)
async def test_claims_of_another_kind_are_refused(claim: str, value: Any) -> None:
    with contextlib.suppress(UnicodeEncodeError, TypeError):  # the library doesn't sign it
        token = local(**{claim: value})
        await refused(Authenticator(settings()), token)
