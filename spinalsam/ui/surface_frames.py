"""Messages between the window and its 3-D process: a length, a JSON object, and the bytes that it announces as `nbytes`."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<I")


def pack(message: dict[str, Any], payload: bytes = b"") -> bytes:
    text = json.dumps({**message, "nbytes": len(payload)}).encode()
    return _LENGTH.pack(len(text)) + text + payload


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next message of a blocking stream, or None at its end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    message = json.loads(stream.read(_LENGTH.unpack(head)[0]))
    return message, stream.read(message["nbytes"])


class Unpacker:
    """Puts messages together from pieces that arrive as they like."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """The messages that are complete now."""
        self._buffer += piece
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> tuple[dict[str, Any], bytes] | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        text_end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
        if len(self._buffer) < text_end:
            return None
        message = json.loads(self._buffer[_LENGTH.size : text_end])
        end = text_end + message["nbytes"]
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[text_end:end])
        del self._buffer[:end]
        return message, payload
