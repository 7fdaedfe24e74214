"""Label images as MetaImage (.mha)."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume


def write(file: BinaryIO, mask: NDArray, volume: Volume) -> None:
    """Header and zlib-compressed voxels. Numbers are written so that reading them back gives the same doubles."""
    geometry = volume.geometry
    pieces = zlib.compressobj(6)
    data = bytearray()
    for k in range(mask.shape[2]):
        data += pieces.compress(mask[:, :, k].astype(mask.dtype.newbyteorder("<"), copy=False).tobytes(order="F"))
    data += pieces.flush()
    header = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": True,
        "CompressedDataSize": len(data),
        "TransformMatrix": _numbers(geometry.direction.T.ravel()),
        "Offset": _numbers(geometry.origin_mm),
        "ElementSpacing": _numbers(geometry.spacing_mm),
        "DimSize": " ".join(map(str, mask.shape)),
        "ElementType": "MET_UCHAR" if mask.dtype == np.uint8 else "MET_USHORT",
        "ElementDataFile": "LOCAL",
    }
    file.write("".join(f"{name} = {value}\n" for name, value in header.items()).encode("ascii"))
    file.write(data)


def _numbers(values: NDArray) -> str:
    return " ".join(repr(float(value)) for value in values)
