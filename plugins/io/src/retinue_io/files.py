"""Files in sealed pieces: written once, read from any place, never in clear on a disk."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO, cast
from uuid import UUID

from sqlalchemy import delete, func, select

from retinue import Store
from retinue_io.models import Piece

PIECE_BYTES = 512 * 1024
_KEPT = 4
_SUBJECT = UUID(int=0)  # sealed under the system's key
UPLOAD, PRINTS, RESULT = "upload", "prints", "result"


def write_file(store: Store, file_id: UUID, stream: BinaryIO, *, use: str = UPLOAD) -> int:
    """Store what `stream` holds as sealed pieces and return the number of bytes."""
    sink = PieceSink(store, file_id, use)
    while data := stream.read(PIECE_BYTES):
        sink.write(data)
    sink.close()
    return sink.size


def open_file(store: Store, file_id: UUID, size: int, *, use: str = UPLOAD) -> tuple[PieceStream, BinaryIO]:
    """Return the stored file as a seekable stream, and the one below it, whose `store` can be exchanged."""
    below = PieceStream(lambda s, number: read_piece(s, file_id, use, number), size)
    below.store = store
    return below, cast(BinaryIO, io.BufferedReader(below, 64 * 1024))


def read_piece(store: Store, file_id: UUID, use: str, number: int) -> bytes:
    """Return one piece."""
    content = _content(store, file_id, use, number)
    return b"" if content is None else b64decode(content)


def add_note(store: Store, file_id: UUID, use: str, value: Any) -> None:
    """Keep a JSON value beside a file until the work is done."""
    numbers = select(func.coalesce(func.max(Piece.number), -1)).where(
        Piece.file_id == file_id, Piece.use == use
    )
    number = int(_system(store).scalar(numbers)) + 1
    row = {"file_id": file_id, "use": use, "number": number, "data": value}
    _system(store).insert_many(Piece, [row])


def read_note(store: Store, file_id: UUID, use: str, number: int) -> Any:
    """Return a value kept by `add_note`; None behind the last one."""
    return _content(store, file_id, use, number)


def _content(store: Store, file_id: UUID, use: str, number: int) -> Any:
    """Return what a piece holds without keeping its row in the session; None if there is no such piece."""
    wanted = (Piece.file_id == file_id, Piece.use == use, Piece.number == number)
    found = _system(store).rows(select(Piece.id, Piece.sealed_data).where(*wanted))
    if not found:
        return None
    return _system(store).open_sealed(Piece.__tablename__, [(found[0][0], _SUBJECT, found[0][1])])[0]["data"]


def remove_file(store: Store, file_id: UUID, *uses: str) -> None:
    """Remove a file's pieces, all of them or those of some uses."""
    gone = delete(Piece).where(Piece.file_id == file_id)
    _system(store).change(gone.where(Piece.use.in_(uses)) if uses else gone)


def _system(store: Store) -> Store:
    return store.system("sealed files of imports and exports")


class PieceStream(io.RawIOBase):
    """Reads pieces on demand and keeps the last few."""

    def __init__(self, load: Callable[[Store, int], bytes], size: int) -> None:
        super().__init__()
        self.store: Store | None = None
        self._load, self._size, self._at = load, size, 0
        self._pieces: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from any place."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read up to the end of the piece at the current place."""
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, PIECE_BYTES)
        data = self._piece(number)[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _piece(self, number: int) -> bytes:
        if number in self._pieces:
            self._pieces.move_to_end(number)
            return self._pieces[number]
        if self.store is None:
            raise ValueError("the file is read outside a transaction")
        data = self._pieces[number] = self._load(self.store, number)
        while len(self._pieces) > _KEPT:
            self._pieces.popitem(last=False)
        return data


class PieceSink(io.RawIOBase):
    """Takes bytes and stores them as pieces of one size; `size` counts them."""

    def __init__(self, store: Store, file_id: UUID, use: str) -> None:
        super().__init__()
        self._store, self._file_id, self._use = store, file_id, use
        self._rest, self._number, self.size = bytearray(), 0, 0

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, data: Any) -> int:
        """Take some bytes."""
        self._rest += data
        self.size += len(data)
        while len(self._rest) >= PIECE_BYTES:
            self._put(PIECE_BYTES)
        return len(data)

    def close(self) -> None:
        """Store what is left."""
        if not self.closed and self._rest:
            self._put(len(self._rest))
        super().close()

    def _put(self, size: int) -> None:
        content = b64encode(bytes(self._rest[:size])).decode()
        del self._rest[:size]
        row = {"file_id": self._file_id, "use": self._use, "number": self._number, "data": content}
        _system(self._store).insert_many(Piece, [row])
        self._number += 1
