"""Who calls, and what they may do: OAuth2 bearer tokens, verified with the public keys of an issuer or local ones."""

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
import jwt
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request

from shared.contracts.values import Role
from shared.kit.actors import Actors
from shared.kit.exceptions import KeysUnavailable
from shared.kit.problems import Problem
from shared.kit.settings import Settings
from shared.kit.verification_keys import KEYS_FRESH_S, LOCAL_ALGORITHM, IssuerKeys, LocalKeys

LOCAL_ISSUER = "touchstone-local"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 10
_MAX_TOKEN_LENGTH = 16_384
_CACHED_TOKENS = 4_096


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `projects` None means all of them.

    `actor` is the opaque id (a UUID) that stands for the subject wherever it is kept or shown; the subject itself, which may be a name,
    concerns queue alone.
    """

    subject: str
    actor: str
    roles: frozenset[str]
    projects: frozenset[UUID] | None = None

    def has(self, *roles: str) -> bool:
        """Whether one of the roles is held; `admin` holds all."""
        return Role.ADMIN in self.roles or not self.roles.isdisjoint(roles)

    def may_see(self, project_id: UUID) -> bool:
        return self.projects is None or project_id in self.projects

    def check_project(self, project_id: UUID) -> None:
        """Raises the 403 problem when the token is limited to other projects."""
        if not self.may_see(project_id):
            raise Problem(403, "wrong-project", "The token is limited to other projects.")

    def check_personal_data(self) -> None:
        """Raises the 403 problem when the token has no role for personal data."""
        if not self.has(Role.PERSONAL_DATA):
            raise Problem(
                403,
                "wrong-role",
                "This concerns a project that holds personal data, which the token has no role for.",
                f"Besides the role that it has: one of {Role.ADMIN}, {Role.PERSONAL_DATA}.",
            )

    def check_unlimited(self) -> None:
        """Raises the 403 problem when the token is limited to projects."""
        if self.projects is not None:
            raise Problem(
                403,
                "wrong-project",
                "The token is limited to projects.",
                "This concerns the whole suite: it needs a token that isn't limited.",
            )


_NumericDate = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""Seconds since 1970 (RFC 7519 §2); a text or a truth value is none."""


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    sub: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
    exp: _NumericDate
    nbf: _NumericDate | None = None
    iat: _NumericDate | None = None
    roles: list[str] = Field(max_length=64)
    projects: list[UUID] | None = Field(default=None, max_length=10_000)

    def principal(self, actors: Actors) -> Principal:
        projects = None if self.projects is None else frozenset(self.projects)
        return Principal(self.sub, actors.id_of(self.sub), frozenset(self.roles) & frozenset(Role), projects)


class _Refused(Exception):
    """The token is not valid."""


class Authenticator:
    """Turns a token into a Principal. What it once verified it knows until the token expires or the local keys change."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient | None = None) -> None:
        """Raises KeysMalformed where the file of local keys can't be used."""
        self._actors = Actors(settings)
        self._audience = settings.oidc_audience
        self._issuer = settings.oidc_issuer
        self._local_keys = LocalKeys(settings.token_keys_file) if settings.token_keys_file else None
        self._issuer_keys = IssuerKeys(settings.oidc_issuer, client) if settings.oidc_issuer else None
        self._known: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    async def authenticate(self, token: str) -> Principal:
        """Raises the 401 problem for a token that isn't valid, the 503 problem when that can't be found out."""
        if self._local_keys is not None and self._local_keys.reload():
            self._known.clear()  # what a removed key signed is good no longer
        known = self._known.get(token)
        if known is not None:
            if time.time() < known[1]:
                self._known.move_to_end(token)
                return known[0]
            del self._known[token]
        try:
            claims = await self._verify(token)
        # A number too large for PyJWT's integers, or a header nested too deep, is no error of its own there.
        except (_Refused, jwt.PyJWTError, ValidationError, OverflowError, RecursionError) as error:
            expired = isinstance(error, jwt.ExpiredSignatureError)
            raise unauthenticated("The token has expired." if expired else "The token is not valid.") from None
        except KeysUnavailable as error:
            raise Problem(
                503, "keys-unavailable", "The issuer's keys can't be fetched.", headers={"Retry-After": "5"}
            ) from error
        principal = claims.principal(self._actors)
        self._known[token] = (principal, min(claims.exp, time.time() + KEYS_FRESH_S))
        if len(self._known) > _CACHED_TOKENS:
            self._known.popitem(last=False)
        return principal

    async def _verify(self, token: str) -> _Claims:
        if len(token) > _MAX_TOKEN_LENGTH:
            raise _Refused
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise _Refused
        if self._local_keys is not None and (local_key := self._local_keys.find(key_id)) is not None:
            return self._decode(token, local_key, LOCAL_ALGORITHM, LOCAL_ISSUER)
        if self._issuer_keys is not None and self._issuer is not None:
            key = await self._issuer_keys.find(key_id)
            if key is not None:
                return self._decode(token, key, algorithm, self._issuer)
        raise _Refused

    def _decode(self, token: str, key: jwt.PyJWK, algorithm: str, issuer: str) -> _Claims:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._audience,
            issuer=issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return _Claims.model_validate(claims)

    async def close(self) -> None:
        if self._issuer_keys is not None:
            await self._issuer_keys.close()


def unauthenticated(detail: str) -> Problem:
    return Problem(
        401, "unauthenticated", "A valid bearer token is needed.", detail, headers={"WWW-Authenticate": "Bearer"}
    )


_PRINCIPAL_KEY = "touchstone.principal"
_CONTENT_KEY = "touchstone.content_checked"


class Guard(SecurityBase):
    """The dependency behind `requires`: authenticates, then checks the role and the path's project."""

    def __init__(self, roles: Iterable[str], *, whole_suite: bool = False, content: bool = False) -> None:
        self.roles = frozenset(roles)
        self.whole_suite = whole_suite
        self.content = content
        self.scheme_name = "bearer"
        self.model = HTTPBearerModel(bearerFormat="JWT", description="An OIDC issuer's token, or a local one.")

    @property
    def roles_that_do(self) -> list[str]:
        return sorted(map(str, self.roles | {Role.ADMIN}))

    async def __call__(self, request: Request) -> Principal:
        principal = await authenticated(request)
        if self.roles and not principal.has(*self.roles):
            would_do = ", ".join(self.roles_that_do)
            raise Problem(403, "wrong-role", "The token doesn't have a role that this needs.", f"One of: {would_do}.")
        if self.whole_suite:
            principal.check_unlimited()
        _check_path_project(principal, request.path_params)
        if self.content:
            await _check_path_content(principal, request)
        return principal


async def authenticated(request: Request) -> Principal:
    """The request's principal, found out once."""
    found: Principal | None = request.scope.get(_PRINCIPAL_KEY)
    if found is None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated("The request has no bearer token.")
        found = await request.app.state.authenticator.authenticate(token.strip())
        request.scope[_PRINCIPAL_KEY] = found
    return found


def _check_path_project(principal: Principal, path_params: Mapping[str, Any]) -> None:
    project_id = None if principal.projects is None else _path_project(path_params)
    if project_id is not None:
        principal.check_project(project_id)


async def _check_path_content(principal: Principal, request: Request) -> None:
    """Once a request: before anything that it opens holds a connection."""
    project_id = _path_project(request.path_params)
    if project_id is not None and not request.scope.get(_CONTENT_KEY):
        await request.app.state.runtime.check_content(principal, project_id)
        request.scope[_CONTENT_KEY] = True


def _path_project(path_params: Mapping[str, Any]) -> UUID | None:
    if "project_id" not in path_params:
        return None
    try:
        return UUID(str(path_params["project_id"]))
    except ValueError:
        return None  # refused by validation


def requires(*roles: str, whole_suite: bool = False, content: bool = False) -> Any:
    """The dependency of an endpoint that one of these roles (or `admin`) may call; without roles, any valid token.

    `whole_suite`: what it governs belongs to no project, so a token that is limited to projects may not call it. `content`:
    it shows content of the path's project, which takes one more role if that holds personal data.
    Write `principal: Annotated[Principal, requires(Role.MANAGER)]`.
    """
    return Depends(Guard(roles, whole_suite=whole_suite, content=content))
