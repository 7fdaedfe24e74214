"""A whole sitting by hand on a virtual display: from an empty window to an exported L3, undone, redone, closed and taken up again.

Real mouse and key events; what is waited for is what can be seen on the screen. One patient is a phantom written as a DICOM series, the
other a real series, where the development data lie beside the repository. With ``SPINALSAM_TOUR=FOLDER`` the phantom's screenshots are
kept there for docs/TOUR.md. The watchdog's figures go to standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.timing import IS_TIMED
from tests.ui.patients import L3, Mm, Patient, Prompts, phantom, real
from tests.ui.screen import Place, Screen, need_tools, person, wait_for

L4 = L3 + 1
WORST_MS = 50.0
# Where other programs want the processors, what they do to its caches and clocks is counted as work of ours.
WORST_BUSY_MS = 250.0
CHINESE = "中文"


class Sitting:
    """One person, one display, one folder for what is written."""

    def __init__(self, screen: Screen, folder: Path, patient: Patient) -> None:
        self.screen = screen
        self.folder = folder
        self.patient = patient
        wanted = patient.reference is not None and os.environ.get("SPINALSAM_TOUR")
        self.pictures = Path(os.environ["SPINALSAM_TOUR"]) if wanted else None
        self.watched: list[dict[str, Any]] = []

    # --- the case ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.screen.start([], self.folder / "errors.txt")

    def end(self) -> None:
        self.screen.close_program()
        self.watched.append(json.loads((self.folder / "watchdog.json").read_text()))

    def open(self) -> None:
        self.screen.click(self.screen.find("Open DICOM folder...", "QPushButton"))
        self.answer("Open a folder", str(self.patient.series))
        self.opened()

    def open_again(self) -> None:
        """The case that is listed as opened lately, as it was left."""
        self.screen.click(self.screen.find(self.patient.series.name, "QListWidget"))
        self.opened()
        self.screen.click(self.screen.find("Restore", "QPushButton"))
        self.screen.until(lambda seen: seen["undo"] > 0, 60, "restoring")
        self.screen.idle()

    def opened(self) -> None:
        self.screen.until(lambda seen: seen.get("has_case") and seen["idle"] and len(seen["panes"]) == 3, 90, "opening the series")

    def answer(self, title: str, text: str) -> None:
        """Type a path into a dialog; where the keys are afterwards is a window manager's work."""
        self.screen.until(lambda seen: any(title in name for name in seen["windows"]), 40, f"the dialog '{title}'")
        self.screen.focus(title)
        self.screen.press("ctrl+a")
        self.screen.type(text)
        self.screen.press("Return")
        self.screen.until(lambda seen: not any(title in name for name in seen["windows"]), 40, "the end of the dialog")
        self.screen.focus("SpinalSAM")

    def export(self, name: str) -> Path:
        path = self.folder / name
        self.screen.press("ctrl+e")
        self.answer("Export mask", str(path))
        wait_for(path.exists, 60, f"writing {name}")
        self.screen.idle()
        return path

    def name(self, level: str) -> None:
        """By the list over the labels."""
        self.screen.click(self.screen.find("Label of new masks"))
        self.screen.find("L5")
        self.screen.type(level)
        self.screen.press("Return")
        self.screen.until(lambda seen: level in seen["active_label"], 30, f"new masks of {level}")

    # --- the panes ---------------------------------------------------------------------------------------------------

    def at(self, plane: str, mm: Mm) -> Place:
        """Where a place of the patient is on a pane, which has to show it."""
        pane = self.screen.look()["panes"][plane]
        left, top, width, height = pane["place"]
        x, y = np.array(pane["matrix"]) @ mm + pane["offset"]
        assert left <= x < left + width and top <= y < top + height, f"{mm} is not on the {plane} pane"
        return round(x), round(y)

    def cross(self, plane: str, mm: Mm) -> None:
        """Put the crosshair there, so that the other panes show it."""
        self.screen.click(self.at(plane, mm), key="ctrl")
        others = set(self.screen.look()["panes"]) - {plane}
        self.screen.until(lambda seen: all(off_slice_mm(seen, other, mm) < 2.0 for other in others), 30, "following the crosshair")

    def prompts_on(self, plane: str) -> int:
        return self.screen.look()["panes"][plane]["prompts"]

    def box(self, plane: str, corners: Sequence[Mm]) -> None:
        before = self.prompts_on(plane)
        first, last = (self.at(plane, mm) for mm in corners)
        middle = (first[0] + last[0]) // 2, (first[1] + last[1]) // 2
        self.screen.drag([first, middle, last], key="shift")
        self.screen.until(lambda seen: seen["panes"][plane]["prompts"] > before, 30, "a box")
        self.screen.idle()

    def point(self, plane: str, mm: Mm, button: int = 1) -> None:
        before = self.prompts_on(plane)
        self.screen.click(self.at(plane, mm), button)
        self.screen.until(lambda seen: seen["panes"][plane]["prompts"] > before, 30, "a point")
        self.screen.idle()

    def keep(self) -> None:
        self.screen.press("Return")
        self.screen.until(lambda seen: not seen["open_mask"] and seen["idle"], 40, "keeping the mask")

    def segment(self, plane: str, prompts: Prompts) -> None:
        """A box and two corrective clicks."""
        self.box(plane, prompts.box)
        self.point(plane, prompts.bone)
        self.point(plane, prompts.beside, button=3)

    def see_in_3d(self) -> None:
        self.screen.until(lambda seen: seen["surface_drawn"] or seen["surface_failed"], 40, "the surface")

    def undo_all(self) -> int:
        """Returns how many steps that were."""
        steps = self.screen.look()["undo"]
        self.screen.press(*["ctrl+z"] * steps)
        self.screen.until(lambda seen: seen["undo"] == 0 and seen["idle"], 60, "undoing everything")
        return steps

    def redo_all(self, steps: int) -> None:
        self.screen.press(*["ctrl+shift+z"] * steps)
        self.screen.until(lambda seen: seen["redo"] == 0 and seen["idle"], 60, "redoing everything")

    def dress(self, theme: str, language: str) -> None:
        """Another theme and language by the preferences, which speak the other language until then."""
        title, *fields, save = ("Preferences", "Theme", "Language", "Save") if language == CHINESE else ("首选项", "主题", "语言", "保存")
        self.screen.press("ctrl+comma")
        self.screen.until(lambda seen: title in seen["windows"], 20, f"the dialog '{title}'")
        self.screen.focus(title)
        for field, wanted in zip(fields, (theme, language), strict=True):
            self.screen.click(self.screen.find(field, "QComboBox"))
            self.screen.click(self.screen.find(wanted))
        self.screen.click(self.screen.find(save, "QPushButton"))
        self.screen.until(lambda seen: title not in seen["windows"], 20, f"the end of the dialog '{title}'")
        self.screen.focus("SpinalSAM")
        self.screen.find("标签" if language == CHINESE else "Labels", "QTabBar")

    def compare(self, reference: Path) -> None:
        """With a mask file, side by side, by the palette, a dialog and a key."""
        self.screen.press("ctrl+k")
        self.screen.until(lambda seen: "What do you want to do?" in seen["focus"], 20, "the palette")
        self.screen.type("compare with a ref")
        self.screen.press("Return")
        self.answer("Reference mask", str(reference))
        self.screen.until(lambda seen: "Labels and figures" in seen["windows"], 60, "the figures")
        self.screen.focus("Labels and figures")
        self.screen.press("Escape")
        self.screen.until(lambda seen: "Labels and figures" not in seen["windows"], 20, "the end of the figures")
        self.screen.focus("SpinalSAM")
        self.screen.press("shift+r")
        self.screen.until(lambda seen: any("Dice" in widget["name"] for widget in seen["widgets"]) and seen["idle"], 60, "the comparison")

    # --- the tour ----------------------------------------------------------------------------------------------------

    def look(self, name: str) -> None:
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            self.screen.still((0, 0, *self.screen.size))
            self.screen.picture(self.pictures / f"{name}.png")


def has_chinese_font() -> bool:
    """Without one the window stays English, and says so."""
    return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=True).stdout.strip())


def off_slice_mm(seen: dict[str, Any], plane: str, mm: Mm) -> float:
    """How far a place lies from the slice that a pane shows."""
    pane = seen["panes"][plane]
    normal = np.array(pane["normal"]) / np.linalg.norm(pane["normal"])
    return abs(float(normal @ (np.array(mm) - pane["slice_mm"])))


@pytest.fixture(params=["phantom", "real"])
def sitting(request: pytest.FixtureRequest, shared_data: Callable[..., Path]) -> Iterator[Sitting]:
    need_tools()
    series = shared_data("matrad", "real_CT") if request.param == "real" else None
    # A short path, as it can be read in the pictures.
    with tempfile.TemporaryDirectory(prefix="spine_") as name:
        folder = Path(name)
        screen = Screen(person(folder, SPINALSAM_WATCHDOG=str(folder / "watchdog.json")), folder)
        try:
            yield Sitting(screen, folder, real(series) if series is not None else phantom(folder))
        finally:
            screen.close()


def work(sitting: Sitting) -> None:
    """From the welcome page to L3 in three planes and in 3-D."""
    screen, patient = sitting.screen, sitting.patient
    sitting.look("01_welcome")
    sitting.open()
    sitting.look("02_opened")
    sitting.cross("sagittal", patient.middle)
    sitting.name("L3")
    sitting.segment("axial", patient.planes["axial"])
    sitting.look("03_axial")
    sitting.keep()
    screen.wheel(sitting.at("axial", patient.middle), -4)
    screen.until(lambda seen: off_slice_mm(seen, "axial", patient.above[0]) < 0.1, 30, "four slices up")
    sitting.box("axial", patient.above)
    sitting.keep()
    before = screen.look()["undo"]
    screen.press("ctrl+i")
    screen.until(lambda seen: seen["undo"] > before and seen["idle"], 40, "filling between slices")
    sitting.look("04_filled")
    for plane in ("sagittal", "coronal"):
        sitting.cross("sagittal", patient.middle)
        sitting.segment(plane, patient.planes[plane])
        sitting.keep()
    sitting.look("05_planes")


def test_a_sitting_from_the_empty_window_to_the_exported_vertebra(sitting: Sitting) -> None:
    screen = sitting.screen
    sitting.begin()
    work(sitting)
    sitting.cross("sagittal", sitting.patient.middle)
    before = screen.look()["undo"]
    screen.press("ctrl+p")
    screen.until(lambda seen: seen["undo"] > before and seen["idle"], 120, "the whole vertebra")
    sitting.see_in_3d()
    sitting.look("06_in_3d")
    screen.press("d")
    screen.until(lambda seen: not seen["panes"], 30, "3-D alone")
    sitting.see_in_3d()
    screen.press("r")
    screen.until(lambda seen: len(seen["panes"]) == 3, 30, "three planes")
    screen.press("m")
    screen.until(lambda seen: any("ml" in widget["name"] for widget in seen["widgets"] if widget["kind"] == "Notice"), 40, "the volume")
    sitting.look("07_measured")
    first = sitting.export("first.nii.gz")
    sitting.look("08_exported")

    steps = sitting.undo_all()
    screen.click(screen.find("Steps", "QTabBar"))
    sitting.look("09_undone")
    screen.click(screen.find("Labels", "QTabBar"))
    assert not [widget for widget in screen.look()["widgets"] if " ml" in widget["name"] and widget["kind"] == "QTableWidget"]
    sitting.redo_all(steps)
    second = sitting.export("second.nii.gz")
    sitting.end()

    sitting.begin()
    sitting.open_again()
    sitting.see_in_3d()
    sitting.look("10_restored")
    assert screen.look()["undo"] >= steps
    third = sitting.export("third.nii.gz")
    sitting.compare(reference_of(sitting, third))
    sitting.look("11_compared")
    if has_chinese_font():
        sitting.dress("Light", CHINESE)
        sitting.look("12_light_chinese")
        sitting.dress("深色", "English")
    screen.press("r")
    screen.until(lambda seen: len(seen["panes"]) == 3, 30, "three planes again")
    sitting.name("L4")
    sitting.cross("sagittal", sitting.patient.middle)
    sitting.box("sagittal", sitting.patient.other)
    sitting.keep()
    fourth = sitting.export("fourth.nii.gz")
    sitting.end()

    check_first(first, sitting.patient)
    labels = voxels(first)
    assert np.array_equal(voxels(second), labels), "undo and redo of all steps gave another mask"
    assert np.array_equal(voxels(third), labels), "the restored case has another mask"
    assert set(np.unique(voxels(fourth))) == {0, L3, L4}
    assert np.array_equal(voxels(fourth) == L3, labels == L3)
    report(sitting.watched)
    assert "Traceback" not in (sitting.folder / "errors.txt").read_text()


def reference_of(sitting: Sitting, mask: Path) -> Path:
    """A file to compare with: the phantom's reference on the mask's grid, or the mask itself."""
    import nibabel

    labels = sitting.patient.reference
    if labels is None:
        return mask
    path = sitting.folder / "reference.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.where(labels == L3, labels, 0).astype(np.uint8), nibabel.load(mask).affine), path)
    return path


def voxels(path: Path) -> np.ndarray:
    """As [i, j, k], by nibabel."""
    import nibabel

    return np.asarray(nibabel.load(path).dataobj)


def check_first(path: Path, patient: Patient) -> None:
    """The mask lies on the series' own grid, by two libraries, and is L3."""
    import nibabel
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(patient.series)))
    ct, mask = reader.Execute(), sitk.ReadImage(str(path))
    assert mask.GetSize() == ct.GetSize()
    for of_mask, of_ct in (
        (mask.GetOrigin(), ct.GetOrigin()),
        (mask.GetSpacing(), ct.GetSpacing()),
        (mask.GetDirection(), ct.GetDirection()),
    ):
        np.testing.assert_allclose(of_mask, of_ct, atol=1e-3)
    ras = np.diag([-1.0, -1, 1, 1]) @ nibabel.load(path).affine
    np.testing.assert_allclose(ras[:3, 3], ct.GetOrigin(), atol=1e-3)
    labels, hu = voxels(path), sitk.GetArrayFromImage(ct).T
    assert set(np.unique(labels)) == {0, L3}
    low, high = patient.millilitres
    assert low < (labels == L3).sum() * np.prod(ct.GetSpacing()) / 1000 < high, "ml of a lumbar vertebra"
    assert hu[labels == L3].mean() > 120
    if patient.reference is not None:
        ours, theirs = labels == L3, patient.reference == L3
        dice = 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum())
        sys.stdout.write(f"\nDice of L3 against the phantom's reference: {dice:.3f}\n")
        assert dice > 0.8


def report(watched: list[dict]) -> None:
    """Say the worst events, and hold them to the limit: on a quiet machine with all waits, else the main thread's own work."""
    for found in watched:
        sys.stdout.write(
            f"\n{found['events']} events on the main thread, the worst {found['worst_held_ms']} ms, {found['worst_cpu_ms']} ms of work\n"
        )
        for slow in found["slow"][:10]:
            where = " < ".join(slow["at"][-3:][::-1])
            times = f"{slow['held_ms']:7.1f} ms ({slow['cpu_ms']} of work, {slow['wall_ms']} in all)"
            sys.stdout.write(f"  {times}  {slow['event']} {slow['receiver']}  {where}  beside {slow['others']}\n")
    worst = max(_worst(found["slow"]) for found in watched)
    assert worst < (WORST_MS if IS_TIMED else WORST_BUSY_MS), f"an event kept the main thread at work for {worst} ms"
    held = max(found["worst_held_ms"] for found in watched)
    assert held < WORST_MS or not IS_TIMED, f"an event held the main thread up for {held} ms"


def _worst(slow: list[dict]) -> float:
    """Milliseconds of work of the program's own events."""
    return max((one["cpu_ms"] for one in slow if not any("onlooker" in where for where in one["at"])), default=0.0)
