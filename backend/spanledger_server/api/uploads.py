"""Files that come in the body of a request, taken to disk piece by piece.

Given a request, gives the file once it is all there.

Never: more of it in memory than a piece, or more on disk than the limit.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from typing import Annotated, BinaryIO, Final, cast

from fastapi import Depends, Request

from spanledger_server.bills.opening import MOST_SENT
from spanledger_server.errors import Busy, Malformed, TooLarge, UnsupportedMedia
from spanledger_server.store.database import Database

IN_MEMORY: Final = 2**20


async def uploaded(request: Request) -> AsyncIterator[BinaryIO]:
    """The body as a file, from its beginning; gone when the answer is made.

    Raises:
        TooLarge: It has more than a gibibyte.
        UnsupportedMedia: It is a form.
        Malformed: It broke off.
        Busy: There is no room for it on disk.
    """
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > MOST_SENT:
        raise _too_large()
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise UnsupportedMedia("send the file itself as the body, not a form: curl --data-binary @FILE")
    database = cast("Database", request.app.state.database)
    folder = None if database.path is None else str(database.path.parent)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=folder, prefix=".upload-") as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > MOST_SENT:
                raise _too_large()
            try:
                file.write(piece)
            except OSError as error:
                raise Busy(f"the file cannot be kept for reading: {error.strerror}") from error
        if said.isdigit() and size < int(said):
            raise Malformed("the body broke off")
        file.seek(0)
        yield cast("BinaryIO", file)


def _too_large() -> TooLarge:
    return TooLarge(f"the file is larger than {MOST_SENT} bytes: cut it up by month, or pack it with gzip")


Uploaded = Annotated[BinaryIO, Depends(uploaded)]
