"""What was consumed at one meter point, or in a building: day by day or month by month, as a chart and as a list.

Never draws what nobody knows: a day without an amount has no bar, one that is unsure has another colour and says why.
Specification: controller/services/usage.py; controller/web/README.md, "Charts and buildings"; ECharts 5, `option`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nicegui import ui

from controller.services.usage import STEPS, TooLong
from controller.web import usage_list
from controller.web.dom import box, put, text
from controller.web.panels.chart import FRAME, INK, LINE, MARK
from controller.web.panels.choices import Day, Select
from controller.web.panels.meter_entry import MeterEntryForm
from controller.web.panels.paged_table import ROWS_A_PAGE, Column, PagedTable
from controller.web.panels.pager import Pager
from controller.web.pulse import Moment
from controller.web.visit import Visit
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.services.usage import Account, Share

_LOOK = {"gap": "", "unsure": "warn", "known": ""}
_COLOUR = {"unsure": MARK, "known": INK}


class UsagePanel:
    """Read when it is opened and when a reader chooses; under it the form for what was read by eye."""

    def __init__(self, visit: Visit, _moment: Moment) -> None:
        assert visit.desk.usage is not None
        self._usage = visit.desk.usage
        self._visit = visit
        self._account: Account | None = None
        self._root = box("div", "stack")
        ui.timer(0, self._build, once=True)

    def show(self, moment: Moment) -> None:
        """Nothing of the town's moment stands here."""

    async def _build(self) -> None:
        words, visit = self._visit.words, self._visit
        accounts = await asyncio.to_thread(self._usage.accounts)
        account = self._account = next((one for one in accounts if one.id == visit.address.subject), None)
        with self._root, box("section", "panel labelled usage", aria_labelledby="usage-title"):
            if account is None:
                text("p", words.say("usage.unknown"), "empty", id="usage-title")
                text("a", words.say("usage.back"), "export", href="/buildings")
                return
            with box("div", "panel-head"):
                text("h2", f"{account.building} · {usage_list.name(account, words)}", id="usage-title")
                by = Select(visit, "by", words.say("usage.by"), lambda _: self._draw())
                Day(visit, "from", words.say("ledger.from"), self._draw)
                Day(visit, "to", words.say("ledger.to"), self._draw)
                file = f"/buildings/{account.id}.csv"
                text("a", words.say("table.export"), "export", href=file, data_with_choices="", download="")
                text("a", words.say("usage.back"), "export", href="/buildings")
                pager = Pager(visit, ROWS_A_PAGE, lambda: self._table.turned())
            by.offer([(step if step != STEPS[0] else "", words.say(f"usage.step.{step}")) for step in STEPS])
            self._told = text("p", look="usage-told", role="status")
            self._room = box("div", "chart-room", role="img", aria_labelledby="usage-title", data_hidden="yes")
            self._table = PagedTable(
                visit,
                _columns(),
                pager,
                self._row,
                sort_by="when",
                label=words.say("section.buildings"),
                nothing=words.say("table.nothing"),
            )
            self._table.show(())
            meters = [_meter(account, n, words) for n in range(len(account.meters))]
            if meters:
                text("h3", words.say("usage.meters"), "usage-meters-title")
                with box("ol", "usage-meters"):
                    for told in meters:
                        text("li", told)
        if not account.is_sum:
            with self._root:
                MeterEntryForm(visit, self._usage, account, self._draw)
        await self._draw()

    @property
    def _by(self) -> str:
        chosen = self._visit.address.get("by")
        return chosen if chosen in STEPS else STEPS[0]

    def _asked(self) -> dict[str, str]:
        return {"by": self._by, **{name: self._visit.address.get(name) for name in ("from", "to")}}

    async def _draw(self) -> None:
        asked, words = self._asked(), self._visit.words
        assert self._account is not None
        shares: list[Share] = []
        try:
            days = usage_list.chosen_days(asked)
            shares = await asyncio.to_thread(self._usage.shares, self._account, self._by, *days)
            told = _summary(shares, self._account, words)
        except TooLong:
            told = words.say("usage.too_long")
        except ValueError:
            told = words.say("ledger.no_period")
        if asked != self._asked():
            return  # something else was chosen meanwhile
        self._told.text = told
        is_known = any(share.amount is not None for share in shares)
        put(self._room, data_hidden="no" if is_known else "yes")
        self._room.clear()
        if is_known:
            with self._room:
                option = _option(shares, self._account, words, self._by)
                ui.echart(option, renderer="svg").classes("chart-picture")
        self._table.show(shares)

    def _row(self, share: Share) -> dict[str, str]:
        words = self._visit.words
        assert self._account is not None
        return {
            "id": str(share.from_ms),
            "look": "",
            "when": words.day(share.from_ms / 1000, by=self._by),
            "amount": usage_list.amount(share, self._account.unit, words),
            "amount_state": _LOOK[usage_list.state(share)],
            "remark": usage_list.remark(share, words) or words.say("none"),
            "between": usage_list.between(share, words) or words.say("none"),
        }


def _columns() -> tuple[Column[Share], ...]:
    return (
        Column("when", lambda share: -share.from_ms, head=True),
        Column("amount", lambda share: (share.amount is not None, share.amount or 0.0, -share.from_ms), figure=True),
        Column("remark", None),
        Column("between", None),
    )


def _meter(account: Account, number: int, words: Words) -> str:
    meter = account.meters[number]
    told = [
        words.say("usage.meter", serial=meter.serial or words.say("none"), moment=words.minute(meter.from_ms / 1000))
    ]
    if meter.first is not None:
        unit = words.name_of("unit", meter.unit)
        told.append(words.say("usage.meter_first", reading=words.figure(meter.first), unit=unit))
    if number and meter.final_before is not None:
        unit = words.name_of("unit", account.meters[number - 1].unit)
        told.append(words.say("usage.meter_final", reading=words.figure(meter.final_before), unit=unit))
    return ", ".join(told)


def _summary(shares: Sequence[Share], account: Account, words: Words) -> str:
    if not shares:
        return words.say("ledger.no_period")
    known = [share.amount for share in shares if share.amount is not None]
    if not known:
        return words.say("usage.all_gaps")
    unit = words.name_of("unit", account.unit)
    told = words.say("usage.total", amount=words.figure(sum(known), 1), unit=unit)
    gaps = len(shares) - len(known)
    unsure = sum(usage_list.state(share) == "unsure" for share in shares)
    more = [words.say("usage.gaps", n=gaps)] if gaps else []
    more += [words.say("usage.unsure", n=unsure)] if unsure else []
    return " ".join((told, *more))


def _option(shares: Sequence[Share], account: Account, words: Words, by: str) -> dict[str, Any]:
    frame = {"lineStyle": {"color": FRAME}}
    bars = [
        {"value": None}
        if share.amount is None
        else {"value": round(share.amount, 3), "itemStyle": {"color": _COLOUR[usage_list.state(share)]}}
        for share in shares
    ]
    return {
        "animation": False,
        "grid": {"left": 12, "right": 20, "top": 30, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis", "className": "chart-tip", "confine": True},
        "xAxis": {
            "type": "category",
            "data": [words.day(share.from_ms / 1000, by=by) for share in shares],
            "axisLine": frame,
            "axisTick": frame,
            "axisLabel": {"hideOverlap": True},
        },
        "yAxis": {
            "type": "value",
            "name": words.name_of("unit", account.unit),
            "splitLine": {"lineStyle": {"color": LINE}},
        },
        "series": [
            {
                "type": "bar",
                "name": words.name_of("unit", account.unit),
                "data": bars,
                "barMaxWidth": 36,
                "itemStyle": {"color": INK},
                "emphasis": {"disabled": True},
            }
        ],
    }
