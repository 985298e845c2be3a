"""The peer of bar 1: a bare Starlette app that answers always the same, under uvicorn.

`python constant.py PORT BYTES`
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PORT, BYTES = int(sys.argv[1]), int(sys.argv[2])
ANSWER = b'"' + b"x" * (BYTES - 2) + b'"'


async def answer(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route("/v1/next-best-action", answer, methods=["POST"])])
    uvicorn.run(app, port=PORT, log_level="warning", access_log=False)
