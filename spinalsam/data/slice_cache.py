"""What networks remember of slices, kept in memory and, where the network allows it, on disk.

An embedding is found by what it was made from: the pixels, how they are to be read, the checksum of the weights, and how the network
prepares and computes (`flavour`). A changed slice or another model can therefore never be given an old embedding. Both tiers are bounded;
the least recently used goes first. Several programs may share the disk tier.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinalsam.engine.segmenter import Embedding, Segmenter, SliceImage
from spinalsam.errors import ModelError, SpinalSamError
from spinalsam.settings import cache_dir, write_atomically

if TYPE_CHECKING:
    from spinalsam.settings import Settings

_FORMAT = "2"
# After so many new files the disk tier counts what is there: another program may have added to it.
_RECOUNT = 32
_ABANDONED_S = 3600  # a half-written file older than this belongs to a program that was ended


def embedding_key(segmenter: Segmenter, image: SliceImage) -> str:
    """Hexadecimal hash of everything that an embedding depends on."""
    digest = hashlib.blake2b(digest_size=20)
    spacing = image.spacing_mm or ()
    made_by = (segmenter.name, segmenter.checksum, getattr(segmenter, "flavour", ""))
    head = (_FORMAT, *made_by, image.pixels.shape, image.is_hu, tuple(float(mm) for mm in spacing))
    digest.update(repr(head).encode())
    digest.update(np.ascontiguousarray(image.pixels, np.float32).data)
    return digest.hexdigest()


class EmbeddingCache:
    """Embeddings by content, memory first, then disk. May be used from any thread.

    memory_bytes, disk_bytes: limits; 0 switches a tier off. folder: where the disk tier lies. The disk tier serves networks that
    can say their features as plain arrays, with the methods ``features_to_arrays(embedding) -> dict[str, ndarray]`` and
    ``embedding_from_arrays(arrays, image) -> Embedding``.
    """

    def __init__(self, *, memory_bytes: int, disk_bytes: int = 0, folder: Path | None = None) -> None:
        self.memory_bytes = memory_bytes
        self._disk = _DiskTier(folder, disk_bytes) if folder is not None and disk_bytes > 0 else None
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[str, _Making] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> EmbeddingCache:
        return cls(memory_bytes=settings.memory_cache_mb << 20, disk_bytes=settings.disk_cache_mb << 20, folder=cache_dir() / "embeddings")

    @property
    def nbytes(self) -> int:
        """What the memory tier holds."""
        with self._lock:
            return sum(embedding.nbytes for embedding in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, segmenter: Segmenter, image: SliceImage) -> Embedding | None:
        """The embedding if it is kept, else None; never encodes."""
        return self._find(embedding_key(segmenter, image), segmenter, image)

    def get_or_encode(self, segmenter: Segmenter, image: SliceImage) -> Embedding:
        """The embedding, encoded when it is not kept. Two threads that ask for the same slice encode it once.

        Raises ModelError or ResourceError as the segmenter does.
        """
        key = embedding_key(segmenter, image)
        with self._lock:
            making = self._making.setdefault(key, _Making())
            making.askers += 1
        try:
            with making.lock:
                found = self._find(key, segmenter, image)
                return found if found is not None else self._encode(key, segmenter, image)
        finally:
            with self._lock:
                making.askers -= 1
                if not making.askers:
                    self._making.pop(key, None)

    def awaited(self, segmenter: Segmenter, image: SliceImage) -> bool:
        """Whether somebody else waits for the embedding that one thread is making."""
        with self._lock:
            making = self._making.get(embedding_key(segmenter, image))
            return making is not None and making.askers > 1

    def holds(self, segmenter: Segmenter, image: SliceImage) -> bool:
        """Whether the embedding is in one of the tiers; reads no file."""
        key = embedding_key(segmenter, image)
        with self._lock:
            if key in self._kept:
                return True
        return self._disk is not None and self._disk.holds(key)

    def room_for(self, segmenter: Segmenter, nbytes: int) -> int:
        """How many embeddings of that size can be kept at once, in the tier that keeps most."""
        on_disk = self._disk.limit_bytes if self._disk is not None and hasattr(segmenter, "features_to_arrays") else 0
        return max(self.memory_bytes, on_disk) // max(nbytes, 1)

    def clear(self) -> None:
        """Forget what is in memory."""
        with self._lock:
            self._kept.clear()

    def _encode(self, key: str, segmenter: Segmenter, image: SliceImage) -> Embedding:
        embedding = segmenter.encode(image)
        self._keep(key, embedding)
        to_arrays = getattr(segmenter, "features_to_arrays", None)
        if self._disk is not None and to_arrays is not None:
            self._disk.put(key, to_arrays(embedding))
        return embedding

    def _find(self, key: str, segmenter: Segmenter, image: SliceImage) -> Embedding | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        from_arrays = getattr(segmenter, "embedding_from_arrays", None)
        if self._disk is None or from_arrays is None:
            return None
        arrays = self._disk.get(key)
        if arrays is None:
            return None
        try:
            embedding: Embedding = from_arrays(arrays, image)
        except (ModelError, KeyError, ValueError, TypeError):  # whole, but of something else
            self._disk.drop(key)
            return None
        self._keep(key, embedding)
        return embedding

    def _keep(self, key: str, embedding: Embedding) -> None:
        with self._lock:
            self._kept[key] = embedding
            self._kept.move_to_end(key)
            total = sum(kept.nbytes for kept in self._kept.values())
            while total > self.memory_bytes and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                total -= oldest.nbytes
            if total > self.memory_bytes:
                self._kept.clear()


class _Making:
    """An embedding that is being made: who makes it holds the lock; askers counts that one and those who wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.askers = 0


class _DiskTier:
    """Arrays in safetensors files, one an embedding, each with a checksum that is compared on reading."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._used: int | None = None
        self._added = 0
        self._lock = threading.Lock()

    def put(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep arrays; a full or read-only disk only means that they are not kept."""
        from safetensors.numpy import save

        content = save(arrays, metadata={"key": key, "sha256": _digest(arrays)})
        if len(content) > self.limit_bytes:
            return
        with self._lock:
            try:
                self._make_room(len(content))
                write_atomically(self._path(key), content)
            except (OSError, SpinalSamError):
                self._used = None
                return
            self._used = (self._used or 0) + len(content)
            self._added += 1

    def holds(self, key: str) -> bool:
        """Whether there is a file for the key; it may still turn out to be damaged."""
        return self._path(key).is_file()

    def drop(self, key: str) -> None:
        """Throw a file away."""
        self._throw_away(self._path(key))

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays, or None when they are not there or no longer what was written."""
        from safetensors import SafetensorError, safe_open

        path = self._path(key)
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if metadata.get("key") != key or metadata.get("sha256") != _digest(arrays):
                raise ValueError("not what was written")
            path.touch()
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError):
            self._throw_away(path)
            return None
        return arrays

    def _throw_away(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"

    def _make_room(self, needed: int) -> None:
        if self._used is not None and self._used + needed <= self.limit_bytes and self._added < _RECOUNT:
            return
        files = self._count()
        self._used, self._added = sum(stat.st_size for stat, _ in files), 0
        for stat, entry in sorted(files, key=lambda item: item[0].st_mtime):
            if self._used + needed <= self.limit_bytes:
                break
            self._throw_away(entry)
            self._used -= stat.st_size

    def _count(self) -> list[tuple[os.stat_result, Path]]:
        """The files that are there; another program may take one away meanwhile. What was left half-written goes."""
        files = []
        for entry in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                stat = entry.stat()
                if entry.suffix == ".safetensors":
                    files.append((stat, entry))
                elif entry.suffix == ".part" and time.time() - stat.st_mtime > _ABANDONED_S:
                    self._throw_away(entry)
        return files


def _digest(arrays: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype}:{array.shape};".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
