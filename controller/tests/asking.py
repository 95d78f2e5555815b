"""The API asked in memory: no server, no socket.

Never replaces anything behind the routes.
Specification: controller/http.py.
"""

import contextlib
from collections.abc import AsyncIterator

import httpx

from controller.access.access import Access
from controller.access.guard import Guard
from controller.http import Behind, make_app
from controller.http_ledger import Books
from controller.tests.playbook import Playbook


@contextlib.asynccontextmanager
async def asking(book: Playbook, max_upload_bytes: int = 1 << 20) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application over this book's town."""
    town = book.town
    access = Access(book.config, book.writer, book.clock)
    books = Books(town.ledger, book.store, town.imports, lambda: town.timezone, max_upload_bytes)
    behind = Behind(
        town.live,
        books,
        town.displays,
        town.feeds,
        town.documents,
        town.rollouts,
        town.air,
        town.meters,
        book.metrics,
        lambda: True,
        lambda: not town.ingest.failing,
        access,
        history=town.history,
        buildings=town.buildings,
        pushing=town.pushing,
        searches=town.searches,
    )
    transport = httpx.ASGITransport(Guard(make_app(behind), access, max_upload_bytes))
    with contextlib.closing(access):
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client
