"""The API asked in memory: no server, no socket.

Never replaces anything behind the routes.
Specification: controller/http.py.
"""

import contextlib
from collections.abc import AsyncIterator

import httpx

from controller.http import Behind, make_app
from controller.http_ledger import Books
from controller.tests.playbook import Playbook


@contextlib.asynccontextmanager
async def asking(book: Playbook, max_upload_bytes: int = 1 << 20) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application over this book's town."""
    town = book.town
    books = Books(town.ledger, book.store, town.imports, lambda: town.timezone, max_upload_bytes)
    behind = Behind(
        town.live,
        books,
        town.displays,
        town.feeds,
        town.documents,
        town.air,
        town.meters,
        book.metrics,
        lambda: True,
        lambda: not town.ingest.failing,
    )
    transport = httpx.ASGITransport(make_app(behind))
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        yield client
