"""Label arrays made small: for the undo history, the journal and the memory of earlier masks."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.operation import MaskEdit
from spinalsam.errors import JournalError

# Label maps are long runs of few values: the fastest level already packs them a hundredfold.
_LEVEL = 1
_DTYPES = {"uint8": np.uint8, "uint16": np.uint16, "bool": np.bool_}


@dataclass(frozen=True)
class PackedArray:
    """An array of labels or of yes and no, compressed."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes

    @classmethod
    def pack(cls, array: NDArray) -> PackedArray:
        """array: uint8, uint16 or bool, any shape."""
        return cls(array.shape, array.dtype.name, zlib.compress(np.asfortranarray(array).tobytes(order="F"), _LEVEL))

    def array(self) -> NDArray:
        """A writeable, Fortran-ordered copy."""
        dtype = np.dtype(_DTYPES[self.dtype])
        size = int(np.prod(self.shape)) * dtype.itemsize
        values: NDArray = np.frombuffer(bytearray(zlib.decompress(self.data, bufsize=max(size, 1))), dtype)
        return values.reshape(self.shape, order="F")

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype, "data": base64.b64encode(self.data).decode("ascii")}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> PackedArray:
        """Raises JournalError when the value is not what `to_json` wrote."""
        try:
            shape = tuple(int(n) for n in value["shape"])
            packed = cls(shape, str(value["dtype"]), base64.b64decode(value["data"], validate=True))
            expected = math.prod(shape) * np.dtype(_DTYPES[packed.dtype]).itemsize
            # Decompress no further than the shape allows: a damaged line must not fill the memory.
            stream = zlib.decompressobj()
            if len(stream.decompress(packed.data, expected + 1)) != expected or not stream.eof:
                raise ValueError("size")
        except (KeyError, TypeError, ValueError, OverflowError, binascii.Error, zlib.error):
            raise JournalError("A mask in the journal is damaged.") from None
        return packed


@dataclass(frozen=True)
class PackedEdit:
    """A `MaskEdit` as the undo history keeps it.

    lost, won: its `changed_counts`, so that one of the two arrays is enough to go one way.
    """

    lower_ijk: tuple[int, int, int]
    before: PackedArray
    after: PackedArray
    lost: Mapping[int, int]
    won: Mapping[int, int]

    @classmethod
    def pack(cls, edit: MaskEdit) -> PackedEdit:
        return cls(edit.lower_ijk, PackedArray.pack(edit.before), PackedArray.pack(edit.after), *edit.changed_counts)

    def edit(self) -> MaskEdit:
        return MaskEdit(self.lower_ijk, self.before.array(), self.after.array())

    def block(self, *, back: bool) -> NDArray[np.unsignedinteger]:
        """The values of the box after the edit, or before it with `back`."""
        return (self.before if back else self.after).array()

    @property
    def upper_ijk(self) -> tuple[int, int, int]:
        """First voxel beyond the box."""
        i, j, k = (low + n for low, n in zip(self.lower_ijk, self.after.shape, strict=True))
        return i, j, k

    @property
    def nbytes(self) -> int:
        return len(self.before.data) + len(self.after.data)
