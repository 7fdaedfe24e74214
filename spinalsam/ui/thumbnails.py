"""Small pictures of cases that were open, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QIcon, QImage, QPainter, QPixmap

from spinalsam.settings import cache_dir
from spinalsam.ui.scene import SliceScene
from spinalsam.ui.slice_picture import thumbnail_image

SIDE = 96


def picture_file(source: str) -> Path:
    """Where the picture of the case at a path is kept."""
    return cache_dir() / "thumbnails" / f"{hashlib.sha256(source.encode()).hexdigest()[:24]}.png"


def keep(source: str, scene: SliceScene) -> None:
    """Keep a picture of the case as the scene shows it; a disk that refuses only means that there is none. Any thread."""
    path = picture_file(source)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")  # nobody is shown half a picture
    if thumbnail_image(scene, SIDE).save(str(unfinished), "PNG"):
        with contextlib.suppress(OSError):
            os.replace(unfinished, path)


def icon_of(source: str) -> QIcon | None:
    """The kept picture in the middle of a square, or None."""
    path = picture_file(source)
    picture = QImage(str(path)) if path.is_file() else QImage()
    return None if picture.isNull() else square_icon(picture)


def square_icon(picture: QImage, side: int = SIDE) -> QIcon:
    """A picture in the middle of a black square."""

    square = QPixmap(QSize(side, side))
    square.fill(Qt.black)
    shown = picture.scaled(side, side, Qt.KeepAspectRatio, Qt.SmoothTransformation)
    painter = QPainter(square)
    painter.drawImage((side - shown.width()) // 2, (side - shown.height()) // 2, shown)
    painter.end()
    made = QIcon(square)
    made.addPixmap(square, QIcon.Selected)
    return made


def series_picture(files: tuple[str, ...]) -> QImage:
    """The middle file of a DICOM series as a small picture under its own window. Any thread. Raises SpinalSamError."""
    from spinalsam.data.formats import read_volume
    from spinalsam.support.planes import SlicePlane
    from spinalsam.support.windowing import default_window

    volume = read_volume(Path(files[len(files) // 2]))
    shown = min(("axial", "sagittal", "coronal"), key=lambda name: SlicePlane(volume.geometry, name).count)
    plane = SlicePlane(volume.geometry, shown)
    window = default_window(volume.voxels, is_hu=volume.is_hu)
    return thumbnail_image(SliceScene(volume, plane, plane.count // 2, window), SIDE)
