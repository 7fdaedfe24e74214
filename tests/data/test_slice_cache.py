"""Embeddings by content: found again, never mistaken, bounded in memory and on disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from spinalsam.data.slice_cache import EmbeddingCache, embedding_key
from spinalsam.engine.segmenter import Embedding, SliceImage
from spinalsam.errors import ModelError
from tests.fakes import FakeSegmenter


def image(seed: int = 0, **changes: object) -> SliceImage:
    pixels = np.random.default_rng(seed).normal(100, 100, (20, 30)).astype(np.float32)
    return SliceImage(**{"pixels": pixels, "is_hu": True, "spacing_mm": (1.0, 1.0), **changes})  # type: ignore[arg-type]


def test_a_slice_is_encoded_once() -> None:
    cache, segmenter = EmbeddingCache(memory_bytes=1 << 20), FakeSegmenter()
    first = cache.get_or_encode(segmenter, image())
    assert cache.get_or_encode(segmenter, image()) is first
    assert segmenter.encoded == 1


def test_anything_that_matters_makes_another_key() -> None:
    changed = image().pixels.copy()
    changed[3, 4] += 1
    keys = {
        embedding_key(FakeSegmenter(), image()),
        embedding_key(FakeSegmenter(checksum="0" * 16), image()),
        embedding_key(FakeSegmenter(name="other"), image()),
        embedding_key(FakeSegmenter(), image(is_hu=False)),
        embedding_key(FakeSegmenter(), image(spacing_mm=None)),
        embedding_key(FakeSegmenter(), image(spacing_mm=(1.0, 2.0))),
        embedding_key(FakeSegmenter(), image(pixels=changed)),
        embedding_key(FakeSegmenter(), image(pixels=image().pixels.reshape(30, 20))),
    }
    assert len(keys) == 8


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:
    segmenter = FakeSegmenter()
    cache = EmbeddingCache(memory_bytes=3 * 20 * 30)
    for seed in (0, 1, 2, 0, 3):
        cache.get_or_encode(segmenter, image(seed))
    assert cache.nbytes <= cache.memory_bytes and len(cache) == 3
    assert cache.get(segmenter, image(1)) is None and cache.get(segmenter, image(0)) is not None


def test_no_memory_at_all_still_works() -> None:
    cache, segmenter = EmbeddingCache(memory_bytes=0), FakeSegmenter()
    cache.get_or_encode(segmenter, image())
    assert len(cache) == 0


def test_two_threads_encode_a_slice_once() -> None:
    class Slow(FakeSegmenter):
        def encode(self, picture: SliceImage) -> Embedding:
            threading.Event().wait(0.05)
            return super().encode(picture)

    cache, segmenter = EmbeddingCache(memory_bytes=1 << 20), Slow()
    threads = [threading.Thread(target=cache.get_or_encode, args=(segmenter, image())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert segmenter.encoded == 1


def disk_cache(folder: Path, limit: int = 1 << 20) -> EmbeddingCache:
    return EmbeddingCache(memory_bytes=1 << 20, disk_bytes=limit, folder=folder)


def test_the_disk_serves_the_next_program(tmp_path: Path) -> None:
    first, second = FakeSegmenter(), FakeSegmenter()
    made = disk_cache(tmp_path).get_or_encode(first, image())
    found = disk_cache(tmp_path).get_or_encode(second, image())
    assert second.encoded == 0 and np.array_equal(found.features, made.features)
    assert [path.suffix for path in tmp_path.glob("*/*")] == [".safetensors"]


def test_a_damaged_file_is_thrown_away(tmp_path: Path) -> None:
    disk_cache(tmp_path).get_or_encode(FakeSegmenter(), image())
    (path,) = tmp_path.glob("*/*.safetensors")
    whole = path.read_bytes()
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:40], b""):
        path.write_bytes(damaged)
        segmenter = FakeSegmenter()
        disk_cache(tmp_path).get_or_encode(segmenter, image())
        assert segmenter.encoded == 1
        next_time = FakeSegmenter()
        disk_cache(tmp_path).get_or_encode(next_time, image())
        assert next_time.encoded == 0


def test_a_file_under_another_slices_name_is_not_believed(tmp_path: Path) -> None:
    segmenter = FakeSegmenter()
    disk_cache(tmp_path).get_or_encode(segmenter, image(0))
    (path,) = tmp_path.glob("*/*.safetensors")
    key = embedding_key(segmenter, image(1))
    other = tmp_path / key[:2] / f"{key}.safetensors"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(path.read_bytes())
    disk_cache(tmp_path).get_or_encode(segmenter, image(1))
    assert segmenter.encoded == 2


def test_the_disk_is_bounded(tmp_path: Path) -> None:
    cache = disk_cache(tmp_path, limit=1500)
    for seed in range(8):
        cache.get_or_encode(FakeSegmenter(), image(seed))
    assert 0 < sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 1500


def test_an_unwritable_folder_only_means_that_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    segmenter = FakeSegmenter()
    disk_cache(tmp_path / "file").get_or_encode(segmenter, image())
    assert segmenter.encoded == 1


def test_a_whole_file_of_another_kind_is_dropped_and_made_again(tmp_path: Path) -> None:
    class Picky(FakeSegmenter):
        def embedding_from_arrays(self, arrays: dict[str, np.ndarray], picture: SliceImage) -> Embedding:
            raise ModelError("not of this network")

    disk_cache(tmp_path).get_or_encode(FakeSegmenter(), image())
    (path,) = tmp_path.glob("*/*.safetensors")
    os.utime(path, (1, 1))
    picky = Picky()
    disk_cache(tmp_path).get_or_encode(picky, image())
    assert picky.encoded == 1 and path.stat().st_mtime > 1


def test_how_a_network_computes_is_part_of_the_key() -> None:
    fast = FakeSegmenter()
    fast.flavour = "bf16"  # type: ignore[attr-defined]
    assert embedding_key(fast, image()) != embedding_key(FakeSegmenter(), image())


def test_two_programs_together_stay_within_the_disks_limit(tmp_path: Path) -> None:
    one, other = (disk_cache(tmp_path, limit=40 * 300) for _ in range(2))
    for seed in range(80):
        (one if seed % 2 else other).get_or_encode(FakeSegmenter(), image(seed))
    files = list(tmp_path.glob("*/*.safetensors"))
    assert sum(path.stat().st_size for path in files) <= 40 * 300 + 32 * files[0].stat().st_size


def test_half_written_files_of_ended_programs_go(tmp_path: Path) -> None:
    old, fresh = tmp_path / "ab" / ".x.part", tmp_path / "ab" / ".y.part"
    old.parent.mkdir()
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    disk_cache(tmp_path).get_or_encode(FakeSegmenter(), image())
    assert fresh.exists() and not old.exists()


def test_who_makes_an_embedding_knows_that_another_waits_for_it() -> None:
    begun, go_on, seen = threading.Event(), threading.Event(), []

    class Slow(FakeSegmenter):
        def encode(self, picture: SliceImage) -> Embedding:
            begun.set()
            go_on.wait(5)
            seen.append(cache.awaited(self, picture))
            return super().encode(picture)

    cache, segmenter = EmbeddingCache(memory_bytes=1 << 20), Slow()
    threads = [threading.Thread(target=cache.get_or_encode, args=(segmenter, image())) for _ in range(2)]
    threads[0].start()
    begun.wait(5)
    assert not cache.awaited(segmenter, image())
    threads[1].start()
    while not cache.awaited(segmenter, image()):
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join()
    assert seen == [True] and segmenter.encoded == 1


def test_what_is_kept_is_known_without_encoding(tmp_path: Path) -> None:
    segmenter, cache = FakeSegmenter(), disk_cache(tmp_path)
    assert not cache.holds(segmenter, image())
    cache.get_or_encode(segmenter, image())
    assert cache.holds(segmenter, image()) and disk_cache(tmp_path).holds(segmenter, image())
    assert cache.room_for(segmenter, 1 << 18) == 4
