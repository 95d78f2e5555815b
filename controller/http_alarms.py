"""Alarms over HTTP: the open ones, the history, one with its steps and proofs; and what people do about them.

Never decides anything: routes only translate. Specification: OpenAPI at /openapi.json; README.md here, "Alarms".
"""

from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Path, Query, Request
from pydantic import BaseModel, Field

from controller.services.alarms import AlarmRefused, Alarms
from controller.services.alarms_life import Alarm, Note, Proof

MAX_ALARMS = 1000
LATEST_S = 1 << 40
HIGHEST_ID = (1 << 62) - 1

Number = Annotated[int, Path(ge=1, le=HIGHEST_ID)]


class AlarmsAnswer(BaseModel):
    """The gravest first; in a history the newest. Ask a history again with `before` until it is null."""

    alarms: list[Alarm]
    before: int | None = None


class AlarmAnswer(BaseModel):
    """One alarm; `proofs` are what it may be closed with, `may_state`: or with a person's words."""

    alarm: Alarm
    state: str
    notes: list[Note]
    proofs: list[Proof]
    may_state: bool


class Step(BaseModel):
    """`text`: the comment, the person an alarm is given to, or the statement that closes it."""

    what: Literal["acknowledge", "assign", "comment", "snooze", "wake", "close"]
    text: str = Field("", max_length=1000)
    until_s: float = Field(0.0, ge=0, le=LATEST_S, description="snooze: Unix seconds")
    proof_seq: int | None = Field(None, ge=0, le=HIGHEST_ID, description="close: `seq` of one of its proofs")


def add_alarms(app: FastAPI, alarms: Alarms) -> None:
    """The routes."""

    @app.get("/api/v1/alarms", summary="What is wrong now, the gravest first", tags=["alarms"])
    async def opened() -> AlarmsAnswer:
        return AlarmsAnswer(alarms=list(alarms.open()))

    @app.get("/api/v1/alarms/history", summary="Alarms that are over, the newest first", tags=["alarms"])
    def history(
        kind: Annotated[str, Query(description="only of this kind")] = "",
        node: Annotated[str, Query(description="only of this node or device")] = "",
        end: Annotated[Literal["", "cleared", "closed", "explained"], Query(description="how it ended")] = "",
        who: Annotated[str, Query(description="only those that this person did something about")] = "",
        from_s: Annotated[float, Query(ge=0, le=LATEST_S, description="opened then or later")] = 0.0,
        to_s: Annotated[float, Query(ge=0, le=LATEST_S, description="opened before")] = float(LATEST_S),
        before: Annotated[int, Query(ge=1, le=HIGHEST_ID)] = HIGHEST_ID,
        limit: Annotated[int, Query(ge=1, le=MAX_ALARMS)] = 100,
    ) -> AlarmsAnswer:
        found = alarms.history(
            kind=kind, node=node, end=end, who=who, from_s=from_s, to_s=to_s, before=before, limit=limit
        )
        return AlarmsAnswer(alarms=found, before=found[-1].id if len(found) == limit else None)

    @app.get(
        "/api/v1/alarms/{number}",
        summary="One alarm: its steps, its proofs",
        tags=["alarms"],
        responses={404: {"description": "no such alarm"}},
    )
    def one(number: Number) -> AlarmAnswer:
        try:
            alarm, notes = alarms.one(number)
            proofs = [] if alarm.end else alarms.proofs_of(number)
        except AlarmRefused as refused:
            raise HTTPException(refused.status, str(refused)) from None
        return AlarmAnswer(
            alarm=alarm, state=alarm.state, notes=notes, proofs=proofs, may_state=alarms.may_state(alarm)
        )

    @app.post(
        "/api/v1/alarms/{number}",
        summary="Acknowledge, assign, comment, snooze, wake, close with proof",
        tags=["alarms"],
        responses={404: {"description": "no such open alarm"}, 409: {"description": "nothing proves that it is done"}},
    )
    async def handle(number: Number, step: Step, request: Request) -> Alarm:
        who = request.state.actor.name
        try:
            return await alarms.handle(who, number, step.what, step.text, until_s=step.until_s, seq=step.proof_seq)
        except AlarmRefused as refused:
            raise HTTPException(refused.status, str(refused)) from None
