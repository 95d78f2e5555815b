"""People over HTTP: logging in and out, one's own password and second factor, the people and their tokens.

Never decides who may: access/table.py does. Never gives out a secret but the once.
Specification: OpenAPI at /openapi.json; access/README.md.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from controller.access import totp
from controller.access.access import COOKIE, Access, login_cookie
from controller.access.actor import Actor
from controller.access.audit import Note, describe
from controller.access.logins import CodeNeeded, TooManyTries
from controller.access.refused import Refused
from controller.access.tokens import Token, hash_of

Secret = Annotated[str, Field(max_length=256)]
Name = Annotated[str, Field(max_length=64)]
NO_CONTENT = 204
ADDRESS_WAIT_S = 60


class Credentials(BaseModel):
    """What somebody types to log in; `code` where they have a second factor."""

    name: Name
    password: Secret
    code: Annotated[str, Field(max_length=16)] = ""


class MeAnswer(BaseModel):
    """Who asks."""

    name: str
    roles: list[str]
    via: str
    has_totp: bool


class NewPassword(BaseModel):
    """Of one's own; all other logins end."""

    password: Secret
    new: Secret


class TotpAnswer(BaseModel):
    """A secret that is not in force before its first code was sent; shown once."""

    secret: str
    address: str = Field(description="what an authenticator scans")
    drawing: str = Field(description="the same as a QR code, SVG")


class TotpProof(BaseModel):
    """The secret, and a code that the authenticator made of it."""

    password: Secret
    secret: Annotated[str, Field(pattern="^[A-Z2-7]{32}$")]
    code: Annotated[str, Field(pattern="^[0-9]{6}$")]


class PersonAnswer(BaseModel):
    """A person; `logs_in` is false for one who has tokens only."""

    name: str
    roles: list[str]
    logs_in: bool
    has_totp: bool
    locked: bool
    added_s: int


class NewPerson(BaseModel):
    """Without a password they have tokens only."""

    name: Name
    roles: list[str]
    password: Secret = ""


class ChangedPerson(BaseModel):
    """What is left out stays."""

    roles: list[str] | None = None
    password: Secret | None = Field(None, description="a new one, to be changed by its owner")
    locked: bool | None = None
    totp: bool | None = Field(None, description="false takes the second factor away, of one who lost it")


class NewToken(BaseModel):
    """For a program: its person's rights, narrowed to the scopes."""

    person: Name
    label: Name
    scopes: list[str]
    days: int = 90


class MadeToken(BaseModel):
    """The only time that the secret is shown."""

    id: int
    secret: str


def actor_of(request: Request) -> Actor:
    """Who asks, as the guard found; 401 for nobody."""
    actor = getattr(request.state, "actor", None)
    if not isinstance(actor, Actor):
        raise HTTPException(401, "log in, or send a token")
    return actor


Asker = Annotated[Actor, Depends(actor_of)]


def add_people(app: FastAPI, access: Access) -> None:
    """The routes, and how a refusal is told."""
    app.add_exception_handler(Refused, _refused)
    _add_login(app, access)
    _add_me(app, access)
    _add_users(app, access)
    _add_tokens(app, access)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    more = {"code_needed": True} if isinstance(error, CodeNeeded) else {}
    wait = {"Retry-After": str(error.wait_s)} if isinstance(error, TooManyTries) else {}
    return JSONResponse({"detail": str(error)} | more, error.status, wait)


def _add_login(app: FastAPI, access: Access) -> None:
    @app.post(
        "/api/v1/login",
        summary="Log in: the answer sets the cookie",
        tags=["people"],
        responses={401: {"description": "wrong, or code_needed"}, 429: {"description": "too many tries: wait"}},
    )
    async def log_in(credentials: Credentials, request: Request, response: Response) -> MeAnswer:
        address = request.client.host if request.client else ""
        if not access.login_rate.allow(address):
            raise TooManyTries(ADDRESS_WAIT_S)
        try:
            cookie = await access.logins.log_in(credentials.name, credentials.password, credentials.code)
        except Refused:
            known = {person.name for person in access.people.all()}
            name = credentials.name if credentials.name in known else "unknown"  # it may be a password
            await access.note(Note(name, "user", "self.log_in", address, None, None, "refused"))
            raise
        await access.note(Note(credentials.name, "user", "self.log_in", address, None, None, "done"))
        await access.logins.end(hash_of(login_cookie(request.headers)))
        response.set_cookie(
            COOKIE, cookie, httponly=True, samesite="lax", secure=request.url.scheme == "https", max_age=access.login_s
        )
        person = access.people.get(credentials.name)
        return MeAnswer(name=person.name, roles=sorted(person.roles), via="user", has_totp=person.has_totp)

    @app.post("/api/v1/logout", summary="Log out: here, or everywhere", tags=["people"], status_code=NO_CONTENT)
    async def log_out(request: Request, response: Response, actor: Asker, everywhere: bool = False) -> None:
        if everywhere:
            await access.write(access.people.end_logins, actor.name)
        await access.logins.end(hash_of(login_cookie(request.headers)))
        response.delete_cookie(COOKIE)


def _add_me(app: FastAPI, access: Access) -> None:
    async def proven(request: Request, password: str) -> tuple[str, bytes]:
        """Name and login of a person who knows their password; who wrongly says so waits as at the door."""
        actor = actor_of(request)
        if actor.via != "user":
            raise Refused(403, "only a person who is logged in does this")
        await access.logins.prove(actor.name, password)
        return actor.name, hash_of(login_cookie(request.headers))

    @app.get("/api/v1/me", summary="Who am I?", tags=["people"])
    async def me(actor: Asker) -> MeAnswer:
        found = [person for person in access.people.all() if person.name == actor.name and actor.via != "open"]
        has_totp = bool(found) and found[0].has_totp
        return MeAnswer(name=actor.name, roles=sorted(actor.roles), via=actor.via, has_totp=has_totp)

    @app.put("/api/v1/me/password", summary="Another password", tags=["people"], status_code=NO_CONTENT)
    async def password(body: NewPassword, request: Request) -> None:
        name, login = await proven(request, body.password)
        kept = await access.passwords.hashed(body.new, name)
        await access.write(access.people.set_password, name, kept, login)

    @app.get("/api/v1/me/totp", summary="A secret for a second factor, not in force yet", tags=["people"])
    async def new_totp(actor: Asker) -> TotpAnswer:
        secret = totp.new_secret()
        address = totp.address(secret, actor.name, access.site)
        return TotpAnswer(secret=secret, address=address, drawing=totp.drawing(address))

    @app.put("/api/v1/me/totp", summary="Put a second factor in force", tags=["people"], status_code=NO_CONTENT)
    async def put_totp(body: TotpProof, request: Request) -> None:
        name, login = await proven(request, body.password)
        if totp.step_of(body.secret, body.code, access.now_s()) is None:
            raise Refused(422, "this is not the code of now: look at the clocks of both sides, and type the next one")
        await access.write(access.people.set_totp, name, body.secret, login)


def _add_users(app: FastAPI, access: Access) -> None:
    people = access.people

    @app.get("/api/v1/users", summary="The people", tags=["people"])
    async def users() -> list[PersonAnswer]:
        return [PersonAnswer(**person.public()) for person in people.all()]

    @app.post("/api/v1/users", summary="Somebody new", tags=["people"], status_code=201)
    async def add(body: NewPerson) -> PersonAnswer:
        kept = await access.passwords.hashed(body.password, body.name) if body.password else ""
        person = await access.write(people.add, body.name, body.roles, kept)
        describe(f"user {person.name}", None, person.public())
        return PersonAnswer(**person.public())

    @app.patch("/api/v1/users/{name}", summary="Roles, password, lock, second factor", tags=["people"])
    async def change(name: str, body: ChangedPerson) -> PersonAnswer:
        before = people.get(name)
        if body.totp:
            raise Refused(422, "a second factor is put in force by its person alone")
        if body.roles is not None:
            await access.write(people.set_roles, name, body.roles)
        if body.password is not None:
            await access.write(people.set_password, name, await access.passwords.hashed(body.password, name))
        if body.totp is False:
            await access.write(people.set_totp, name, "")
        if body.locked is not None:
            await access.write(lambda: people.lock(name, locked=bool(body.locked)))
        after = people.get(name)
        describe(f"user {name}", before.public(), after.public() | {"password_changed": body.password is not None})
        return PersonAnswer(**after.public())

    @app.delete("/api/v1/users/{name}", summary="Somebody is gone", tags=["people"], status_code=NO_CONTENT)
    async def remove(name: str) -> None:
        describe(f"user {name}", people.get(name).public())
        await access.write(people.remove, name)

    @app.delete(
        "/api/v1/users/{name}/logins", summary="Log somebody out everywhere", tags=["people"], status_code=NO_CONTENT
    )
    async def end_logins(name: str) -> None:
        describe(f"user {people.get(name).name}")
        await access.write(people.end_logins, name)


def _add_tokens(app: FastAPI, access: Access) -> None:
    @app.get("/api/v1/tokens", summary="The tokens", tags=["people"])
    async def tokens() -> list[Token]:
        return access.tokens.all()

    @app.post("/api/v1/tokens", summary="A new token; its secret is shown this once", tags=["people"], status_code=201)
    async def add(body: NewToken) -> MadeToken:
        token, secret = await access.write(access.tokens.add, body.person, body.label, body.scopes, body.days)
        describe(f"token {token.id}", None, token.public())
        return MadeToken(id=token.id, secret=secret)

    @app.delete("/api/v1/tokens/{number}", summary="Revoke a token", tags=["people"], status_code=NO_CONTENT)
    async def revoke(number: int) -> None:
        token = await access.write(access.tokens.revoke, number)
        describe(f"token {number}", token.public())
