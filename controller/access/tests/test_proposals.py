"""What takes two: it is done once another person has confirmed it, and in no other way.

Specification: access/README.md, "Two people". Here a feed is what takes two; releases are controller/tests' business.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from controller.access.actor import EVERY_ROLE, Actor
from controller.access.proposals import EXPIRES_S
from controller.access.refused import Refused
from controller.access.tests.running import House

PATH = "/api/v1/proposals"
ACTION = "feed.import"


@dataclass
class Carried:
    """What was carried out."""

    done: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    refusal: Refused | None = None

    async def out(self, parameters: dict[str, Any], data: bytes) -> None:
        """An action."""
        if self.refusal:
            raise self.refusal
        self.done.append((parameters, data))


@pytest.fixture
def carried(house: House) -> Carried:
    made = Carried()
    house.access.proposals.register(ACTION, ACTION, made.out)
    return made


async def propose(house: House, **parameters: Any) -> int:
    """The dispatcher proposes; the proposal's number."""
    dispatcher = Actor("dispatcher", frozenset({"dispatcher"}), "user")
    return await house.access.proposals.propose(dispatcher, ACTION, parameters, b"a feed")


async def decide(house: House, name: str, number: int, how: str = "confirm") -> tuple[int, str]:
    async with house.asking(cookies=await house.login(name)) as client:
        answer = await client.post(f"{PATH}/{number}/{how}")
    return answer.status_code, answer.text


async def test_it_is_done_once_another_person_confirmed_it(house: House, carried: Carried) -> None:
    number = await propose(house, name="winter")
    assert "another person" in (await decide(house, "dispatcher", number))[1]
    assert (await decide(house, "analyst", number))[0] == 403, "a role that may not"
    assert carried.done == []
    assert (await decide(house, "administrator", number))[0] == 204
    assert carried.done == [({"name": "winter"}, b"a feed")]
    assert (await decide(house, "administrator", number))[0] == 409
    rows = [row.note for row in reversed(house.access.audit.rows())]
    thing, path = f"proposal {number}", f"{PATH}/{number}/confirm"
    assert [(note.actor, note.object, note.result) for note in rows] == [
        ("dispatcher", thing, "refused"),
        ("analyst", thing, "refused"),
        ("administrator", thing, "done"),
        ("administrator", path, "failed"),
    ]
    assert rows[2].after == {"action": ACTION, "name": "winter"}


async def test_a_persons_token_does_not_confirm_nor_does_this_machines_operator(house: House, carried: Carried) -> None:
    number = await propose(house)
    _, secret = await house.access.write(
        house.access.tokens.add, "administrator", "robot", ["proposals.decide", ACTION], 1
    )
    operator = (house.folder / "data" / "operator.token").read_text(encoding="utf-8").strip()
    for token in (secret, operator):
        async with house.asking(headers={"Authorization": f"Bearer {token}"}) as client:
            answer = await client.post(f"{PATH}/{number}/confirm")
        assert (answer.status_code, "a person confirms" in answer.text) == (403, True)
    assert carried.done == []


async def test_a_proposal_is_taken_back_refused_or_expires(
    house: House, carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [await propose(house) for _ in range(3)]
    assert (await decide(house, "auditor", first, "refuse"))[0] == 403
    assert (await decide(house, "dispatcher", first, "refuse"))[0] == 204
    assert (await decide(house, "administrator", second, "refuse"))[0] == 204
    then_s = house.access.now_s()
    monkeypatch.setattr(house.access.proposals, "_now_s", lambda: then_s + EXPIRES_S + 1)
    assert "expired" in (await decide(house, "administrator", third))[1]
    async with house.asking(cookies=await house.login("technician")) as client:
        told = (await client.get(PATH)).json()
    assert [(one["id"], one["state"], one["decider"]) for one in told] == [
        (third, "expired", ""),
        (second, "refused", "administrator"),
        (first, "refused", "dispatcher"),
    ]
    assert carried.done == []


async def test_of_two_who_confirm_at_once_one_does_it(house: House, carried: Carried) -> None:
    number = await propose(house)
    await house.access.write(house.access.people.add, "olena", ["administrator"], "x")
    told = await asyncio.gather(*(decide(house, name, number) for name in ("administrator", "olena")))
    assert sorted(status for status, _ in told) == [204, 409]
    assert len(carried.done) == 1


async def test_what_cannot_be_done_any_more_when_it_is_confirmed_is_told_and_failed(
    house: House, carried: Carried
) -> None:
    number = await propose(house)
    carried.refusal = Refused(409, "a newer one is in force")
    assert await decide(house, "administrator", number) == (409, '{"detail":"a newer one is in force"}')
    assert [one.state for one in house.access.proposals.latest()] == ["failed"]


async def test_nobody_proposes_what_nobody_carries_out_or_what_they_may_not(house: House, carried: Carried) -> None:
    for actor, action in (
        (Actor("olena", EVERY_ROLE, "user"), "people.manage"),
        (Actor("taras", frozenset({"analyst"}), "user"), ACTION),
        (Actor("taras", EVERY_ROLE, "token", frozenset({"town.see"})), ACTION),
    ):
        with pytest.raises(Refused, match="may not propose"):
            await house.access.proposals.propose(actor, action, {})
