"""Documents over HTTP: put one out for the fleet, a kind or a node; see which node has which version.

Never decides anything: routes only translate.
Specification: OpenAPI at /openapi.json; README.md here, "Documents".
"""

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from pydantic import BaseModel

from controller.access.audit import describe
from controller.http_ledger import upload
from controller.services.documents import NAMES, CopyView, DocumentRefused, Documents
from controller.store.documents import DocumentRow


class DocumentAnswer(BaseModel):
    """A document that is to be out there; `scope` is empty for the whole fleet, else a node kind or a node."""

    type: str
    scope: str
    version: int
    size: int
    sha256: str
    signature: str
    added_s: int


class DocumentsAnswer(BaseModel):
    """All documents, and every node's copies."""

    documents: list[DocumentAnswer]
    copies: list[CopyView]


def add_documents(app: FastAPI, documents: Documents, max_upload_bytes: int) -> None:
    """The routes."""

    @app.get("/api/v1/documents", summary="Which node has which version", tags=["documents"])
    async def all_documents() -> DocumentsAnswer:
        return DocumentsAnswer(documents=[_answer(row) for row in documents.rows()], copies=documents.views())

    @app.put(
        "/api/v1/documents/{type_name}",
        summary="Put a document out: nodes pull it as they come online",
        tags=["documents"],
        responses={
            404: {"description": "no such type, kind or node"},
            409: {"description": "not newer than the newest of this type"},
            413: {"description": "larger than http.max_upload_mb"},
            422: {"description": "empty, or without the signature that this type needs"},
        },
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
    )
    async def put_document(
        type_name: str,
        request: Request,
        kind: Annotated[str, Query(description="only for nodes of this kind")] = "",
        node: Annotated[str, Query(description="only for this node")] = "",
        version: Annotated[int | None, Query(ge=1, le=0xFFFFFFFF, description="the next one if left out")] = None,
        signature: Annotated[str, Query(pattern="^[0-9a-fA-F]*$", description="Ed25519, hexadecimal")] = "",
    ) -> DocumentAnswer:
        if kind and node:
            raise HTTPException(422, "name a kind or a node, not both")
        if len(signature) % 2:
            raise HTTPException(422, "a signature is 64 bytes, 128 hexadecimal digits")
        if type_name == "firmware":
            raise HTTPException(422, "a release goes out by a rollout: PUT /api/v1/updates, or vuzol update start")
        data = await upload(request, max_upload_bytes)
        try:
            row = await documents.put(type_name, kind or node.lower(), version, data, bytes.fromhex(signature))
        except DocumentRefused as refused:
            raise HTTPException(refused.status, str(refused)) from None
        describe(f"document {type_name} {row.version}", after={"scope": row.scope, "sha256": row.sha256.hex()})
        return _answer(row)


def _answer(row: DocumentRow) -> DocumentAnswer:
    return DocumentAnswer(
        type=NAMES[row.type],
        scope=row.scope,
        version=row.version,
        size=row.size,
        sha256=row.sha256.hex(),
        signature=row.signature.hex(),
        added_s=row.added_s,
    )
