"""Our own stages, each as a user waits for it."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from spinalsam.benchmark.case import Case
from spinalsam.benchmark.timing import summary, times_ms
from spinalsam.engine.segmenter import Candidates, Segmenter
from spinalsam.support.planes import PLANES, SlicePlane, SliceRef

SENTENCES = (
    "segment L3",
    "add three points on L2 and generate the mask",
    "请在腰椎上加一个框",
    "propagate the mask up",
    "set the window to bone",
    "what a nice day",
)
Stages = dict[str, dict[str, float]]


def files(image: Path, repeats: int) -> Stages:
    """Reading a file, and reading it until its middle slice is a picture."""
    return {
        "open": summary(times_ms(lambda: read(image), repeats)),
        "first_slice": summary(times_ms(lambda: first_slice(image), repeats)),
    }


def read(image: Path) -> object:
    from spinalsam.data.formats import read_volume

    return read_volume(image)


def first_slice(image: Path) -> None:
    """From the file to the grey values on the screen."""
    from spinalsam.data.formats import read_volume
    from spinalsam.support.windowing import apply_window, default_window

    volume = read_volume(image)
    plane = SlicePlane(volume.geometry, "axial")
    window = default_window(volume.voxels, is_hu=volume.is_hu)
    apply_window(plane.cut(volume.voxels, plane.count // 2).astype(np.float32), window)


def prompts(case: Case, segmenter: Segmenter, repeats: int) -> Stages:
    """Each repeat takes another slice, so that nothing is remembered of it; encoding is what the first click pays extra.

    A slice that has been clicked before is asked with a second click and with its earlier mask, three times. repeated_click is the
    first click once more.
    """
    first, warm, encode, repeated = [], [], [], []
    click, correction = case.clicks(1), case.clicks(2)
    segmenter.decode(segmenter.encode(case.picture(repeats)), click)
    for number in range(repeats):
        image = case.picture(number - repeats // 2)
        started = time.perf_counter()
        embedding = segmenter.encode(image)
        given = segmenter.decode(embedding, click)
        first.append((time.perf_counter() - started) * 1000)
        again = times_ms(lambda e=embedding: segmenter.decode(e, click), 1, warm_up=0)[0]  # type: ignore[misc]
        encode.append(max(0.0, first[-1] - again))
        repeated.append(again)
        previous = given.low_res[0] if given.low_res else None
        warm += times_ms(lambda e=embedding, p=previous: segmenter.decode(e, correction, p), 3, warm_up=0)  # type: ignore[misc]
    return {
        "encode": summary(encode),
        "click_to_mask": summary(warm),
        "first_click": summary(first),
        "repeated_click": summary(repeated),
    }


def prefetched(case: Case, segmenter: Segmenter, repeats: int) -> Stages:
    """The first click on slices that were encoded ahead, after a click on the slice before them, asked as the program asks it; and
    the same click once more, for which all is encoded by then."""
    from spinalsam.control.starting import rough_shape
    from spinalsam.control.workspace import Workspace

    click, taken, again = case.clicks(1), [], []
    with Workspace(journal=False, segmenter=segmenter, reader=lambda *_a, **_k: case.volume) as ws:
        ws.open(case.image)
        plane = ws.plane(case.ref.plane)
        indices = np.unique(np.clip(case.ref.index + np.arange(repeats + 1) - repeats // 2, 0, plane.count - 1)).tolist()
        for before, index in pairwise(indices):
            point = [*plane.to_voxel(click.points_xy, before)[0].tolist(), 1]
            ws.run("prompt_mask", prompt={"plane": case.ref.plane, "points": [point], "label": 1})
            ref = SliceRef(case.ref.plane, index)
            ws.ahead.want([ref])
            ws.ahead.wait(60)

            def asked(r: SliceRef = ref) -> Candidates:
                return segmenter.decode(ws.embedding(r), click, rough_shape(ws, None, r, click))

            taken += times_ms(asked, 1, warm_up=0)
            again += times_ms(asked, 1, warm_up=0)
    return {"prefetched_click": summary(taken), "cached_click": summary(again)} if taken else {}


def scrolling(case: Case, repeats: int) -> Stages:
    """One step through all three planes at once, from voxels to grey values on the screen."""
    from spinalsam.support.windowing import apply_window, default_window

    volume = case.volume
    window = default_window(volume.voxels, is_hu=volume.is_hu)
    planes = [SlicePlane(volume.geometry, name) for name in PLANES]

    def step(number: int) -> None:
        for plane in planes:
            apply_window(np.ascontiguousarray(plane.cut(volume.voxels, number % plane.count)), window)

    taken: list[float] = []
    for number in range(10 * repeats):
        taken += times_ms(lambda n=number: step(n), 1, warm_up=0)  # type: ignore[misc]
    return {"scroll_step": summary(taken)}


def parsing(repeats: int) -> Stages:
    """Sentences to calls."""
    from spinalsam.control.operations import SPOKEN_SPECS
    from spinalsam.language import parse

    taken: list[float] = []
    for text in SENTENCES:
        taken += times_ms(lambda t=text: parse(t, SPOKEN_SPECS), repeats)  # type: ignore[misc]
    return {"parse": summary(taken)}


def whole(case: Case, segmenter: Segmenter, repeats: int) -> Stages:
    """Propagation through the structure and export, by the operations of the window; nothing is remembered between repeats."""
    from spinalsam.control.workspace import Workspace

    propagate, export = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            with Workspace(journal=False, segmenter=segmenter, reader=lambda *_a, **_k: case.volume) as ws:
                ws.cache.clear()
                ws.open(case.image)
                ws.run("prompt_mask", prompt=case.box_json)
                started = time.perf_counter()
                ws.run("propagate", direction="both", plane=case.ref.plane, slice=case.ref.index + 1, value=1)
                propagate.append((time.perf_counter() - started) * 1000)
                export += times_ms(lambda w=ws: w.export(Path(folder) / "mask.nii.gz", overwrite=True), 1, warm_up=0)  # type: ignore[misc]
    return {"propagate": summary(propagate), "export": summary(export)}
