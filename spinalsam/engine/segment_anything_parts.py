"""The one place that imports `segment_anything`, without torchvision.

`segment_anything/__init__.py` imports the automatic mask generator and a picture transform, which need torchvision.
Nothing here needs either, so while its submodules are imported an empty package module with the real package's path
stands in for it. The stand-in is taken away again, so that a program which has torchvision can still import the whole.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _bare_package() -> Iterator[None]:
    """`segment_anything` as an empty package, unless the real one was imported before."""
    if "segment_anything" in sys.modules:
        yield
        return
    spec = importlib.util.find_spec("segment_anything")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("The package segment_anything is not installed; install it with pip.")
    package = types.ModuleType("segment_anything")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules["segment_anything"] = package
    try:
        yield
    finally:
        sys.modules.pop("segment_anything", None)


with _bare_package():
    from segment_anything.build_sam import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
    from segment_anything.modeling.common import LayerNorm2d, MLPBlock
    from segment_anything.modeling.image_encoder import Attention, Block
    from segment_anything.modeling.mask_decoder import MLP
    from segment_anything.modeling.transformer import Attention as TwoWayAttention
    from segment_anything.modeling.transformer import TwoWayAttentionBlock

__all__ = [
    "MLP",
    "Attention",
    "Block",
    "ImageEncoderViT",
    "LayerNorm2d",
    "MLPBlock",
    "MaskDecoder",
    "PromptEncoder",
    "Sam",
    "TwoWayAttention",
    "TwoWayAttentionBlock",
    "TwoWayTransformer",
    "build_sam_vit_b",
    "build_sam_vit_h",
    "build_sam_vit_l",
]
