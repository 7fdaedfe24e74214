"""The 3-D process: label maps in, pictures of their surfaces out, drawn by VTK off the screen.

It is a process of its own because an OpenGL driver may hold Python's lock while it draws, or fall over; the window goes on.
Run as ``python -m spinalsam.ui.surface_process``; it speaks `surface_frames` on standard input and output.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.ui import surface_frames

SMOOTHING_ROUNDS = 25
PASS_BAND = 0.03
FRAME_SHARE = 0.93
# Seen from the front and a little from the patient's left and above, head up.
FIRST_AZIMUTH, FIRST_ELEVATION = 35.0, 12.0


class Scene:
    """VTK's renderer with one surface a label."""

    def __init__(self) -> None:
        import vtk

        self.vtk = vtk
        vtk.vtkObject.GlobalWarningDisplayOff()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.renderer = vtk.vtkRenderer()
        self.renderer.SetBackground(0.035, 0.042, 0.055)
        self.renderer.SetBackground2(0.11, 0.13, 0.165)
        self.renderer.GradientBackgroundOn()
        self.renderer.UseFXAAOn()
        self.window.AddRenderer(self.renderer)
        self.actors: dict[int, tuple[tuple[Any, ...], Any]] = {}
        self.planes: Any = None
        self._framed = False
        # What the user has turned keeps its direction, and what was moved or zoomed by hand its place too.
        self._turned = self._moved = False

    def resize(self, width: int, height: int) -> None:
        self.window.SetSize(width, height)
        if self._framed:
            self._show_whole()

    def draw(self, width: int, height: int) -> bytes:
        """RGB rows from the top."""
        from vtk.util.numpy_support import vtk_to_numpy

        self.window.SetSize(width, height)
        self.window.Render()
        data = self.vtk.vtkUnsignedCharArray()
        self.window.GetPixelData(0, 0, width - 1, height - 1, 1, data, 0)
        return np.ascontiguousarray(vtk_to_numpy(data).reshape(height, width, 3)[::-1]).tobytes()

    def show_labels(self, labels: NDArray[Any], affine: NDArray[np.float64], colours: dict[int, list[int]]) -> None:
        """Surfaces of these labels and no others. affine: index of `labels` to LPS mm. Unchanged labels keep theirs."""
        boxes = _boxes(labels)
        for value in set(self.actors) - set(boxes):
            self.renderer.RemoveActor(self.actors.pop(value)[1])
        for value, (low, high) in boxes.items():
            piece = np.pad(labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] == value, 1).astype(np.uint8)
            key = (tuple(low), piece.shape, zlib.crc32(piece.tobytes()), affine.tobytes())
            if value not in self.actors or self.actors[value][0] != key:
                if value in self.actors:
                    self.renderer.RemoveActor(self.actors[value][1])
                actor = self._surface(piece, np.asarray(low) - 1, affine)
                self._clip(actor)
                self.renderer.AddActor(actor)
                self.actors[value] = key, actor
        self.recolour(colours)
        if not self._framed:
            self._turned = self._moved = False
        self._framed = bool(boxes)
        if boxes:
            self._show_whole()

    def cut(self, point_mm: list[float] | None, normal_mm: list[float] | None) -> None:
        """Keep what lies on the side to which the normal of a plane points; None shows all."""
        self.planes = None
        if point_mm is not None and normal_mm is not None:
            plane = self.vtk.vtkPlane()
            plane.SetOrigin(*point_mm)
            plane.SetNormal(*normal_mm)
            self.planes = self.vtk.vtkPlaneCollection()
            self.planes.AddItem(plane)
        for _, actor in self.actors.values():
            self._clip(actor)

    def _clip(self, actor: Any) -> None:
        actor.GetMapper().RemoveAllClippingPlanes()
        if self.planes is not None:
            actor.GetMapper().SetClippingPlanes(self.planes)

    def recolour(self, colours: dict[int, list[int]]) -> None:
        """Labels without a colour are hidden; one that was and comes back is in the picture."""
        comes_back = any(value in colours and not actor.GetVisibility() for value, (_, actor) in self.actors.items())
        for value, (_, actor) in self.actors.items():
            actor.SetVisibility(value in colours)
            if value in colours:
                actor.GetProperty().SetColor(*(channel / 255 for channel in colours[value]))
        if comes_back and self._framed:
            self._show_whole()

    def _show_whole(self) -> None:
        """All that is shown fills the picture, seen from where the user has turned it to; not where somebody has moved or zoomed it."""
        if self._moved:
            return
        if self._turned:
            self._fill_picture()
        else:
            self.frame()

    def frame(self) -> None:
        """The first view on everything."""
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(0, -1, 0)
        camera.SetViewUp(0, 0, 1)
        camera.Azimuth(FIRST_AZIMUTH)
        camera.Elevation(FIRST_ELEVATION)
        self._fill_picture()
        self._turned = self._moved = False

    def _fill_picture(self) -> None:
        self.renderer.ResetCamera()
        self.renderer.ResetCameraScreenSpace(FRAME_SHARE)
        self.renderer.ResetCameraClippingRange()

    def turn(self, azimuth: float, elevation: float) -> None:
        self._turned = True
        camera = self.renderer.GetActiveCamera()
        camera.Azimuth(azimuth)
        camera.Elevation(elevation)
        camera.OrthogonalizeViewUp()
        self.renderer.ResetCameraClippingRange()

    def zoom(self, factor: float) -> None:
        self._moved = True
        self.renderer.GetActiveCamera().Dolly(factor)
        self.renderer.ResetCameraClippingRange()

    def pan(self, right: float, up: float) -> None:
        """Move the picture by shares of its height."""
        self._moved = True
        camera = self.renderer.GetActiveCamera()
        camera.OrthogonalizeViewUp()
        up_axis = np.array(camera.GetViewUp())
        right_axis = np.cross(camera.GetDirectionOfProjection(), up_axis)
        span = 2 * camera.GetDistance() * np.tan(np.radians(camera.GetViewAngle()) / 2)
        step = -(right_axis * right + up_axis * up) * span
        camera.SetFocalPoint(*(np.array(camera.GetFocalPoint()) + step))
        camera.SetPosition(*(np.array(camera.GetPosition()) + step))
        self.renderer.ResetCameraClippingRange()

    def pick(self, x: int, y: int) -> list[float] | None:
        """LPS mm of the surface under a pixel counted from the lower left, or None."""
        picker = self.vtk.vtkCellPicker()
        picker.SetTolerance(0.002)
        return list(picker.GetPickPosition()) if picker.Pick(x, y, 0, self.renderer) else None

    def _surface(self, piece: NDArray[np.uint8], first_ijk: NDArray[Any], affine: NDArray[np.float64]) -> Any:
        from vtk.util.numpy_support import numpy_to_vtk

        vtk = self.vtk
        image = vtk.vtkImageData()
        image.SetDimensions(*piece.shape)
        image.GetPointData().SetScalars(numpy_to_vtk(piece.ravel(order="F"), deep=True))
        edges = vtk.vtkDiscreteFlyingEdges3D()
        edges.SetInputData(image)
        edges.SetValue(0, 1)
        matrix = vtk.vtkMatrix4x4()
        shifted = affine.copy()
        shifted[:3, 3] = affine[:3, :3] @ first_ijk + affine[:3, 3]
        matrix.DeepCopy(shifted.ravel().tolist())
        transform = vtk.vtkTransform()
        transform.SetMatrix(matrix)
        moved = vtk.vtkTransformPolyDataFilter()
        moved.SetTransform(transform)
        moved.SetInputConnection(edges.GetOutputPort())
        smooth = vtk.vtkWindowedSincPolyDataFilter()
        smooth.SetInputConnection(moved.GetOutputPort())
        smooth.SetNumberOfIterations(SMOOTHING_ROUNDS)
        smooth.SetPassBand(PASS_BAND)
        smooth.NonManifoldSmoothingOn()
        smooth.NormalizeCoordinatesOn()
        normals = vtk.vtkPolyDataNormals()
        normals.SetInputConnection(smooth.GetOutputPort())
        normals.SplittingOff()
        mapper = vtk.vtkPolyDataMapper()
        mapper.SetInputConnection(normals.GetOutputPort())
        mapper.ScalarVisibilityOff()
        mapper.Update()
        actor = vtk.vtkActor()
        actor.SetMapper(mapper)
        material = actor.GetProperty()
        material.SetAmbient(0.12)
        material.SetDiffuse(0.85)
        material.SetSpecular(0.22)
        material.SetSpecularPower(28)
        return actor


def _boxes(labels: NDArray[Any]) -> dict[int, tuple[list[int], list[int]]]:
    """Label value -> (first voxel, first voxel beyond)."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for value in np.flatnonzero(np.bincount(labels.ravel(order="K"))).tolist():
        if value:
            inside = labels == value
            low, high = [], []
            for axis in range(3):
                taken = np.flatnonzero(inside.any(axis=tuple(n for n in range(3) if n != axis)))
                low.append(int(taken[0]))
                high.append(int(taken[-1]) + 1)
            found[value] = low, high
    return found


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end. Several waiting turns of the camera make one picture."""
    waiting: queue.Queue[tuple[dict[str, Any], bytes] | None] = queue.Queue()

    def listen() -> None:
        while (message := surface_frames.read(requests)) is not None:
            waiting.put(message)
        waiting.put(None)

    threading.Thread(target=listen, daemon=True).start()
    scene = Scene()
    scene.draw(16, 16)
    _answer(answers, {"kind": "ready"})
    size: dict[str, int] | None = None
    while (message := waiting.get()) is not None:
        size = _obey(scene, answers, *message) or size
        if size is not None and waiting.empty():
            picture = scene.draw(size["width"], size["height"])
            _answer(answers, {"kind": "picture", **size}, picture)


def _obey(scene: Scene, answers: BinaryIO, message: dict[str, Any], payload: bytes) -> dict[str, int] | None:
    """Do one request; the size of the picture where the request says it."""
    op = message["op"]
    if op == "labels":
        labels = np.frombuffer(payload, message["dtype"]).reshape(message["shape"], order="F")
        scene.show_labels(labels, np.array(message["affine"]), _colours(message))
    elif op == "colours":
        scene.recolour(_colours(message))
    elif op == "turn":
        scene.turn(message["azimuth"], message["elevation"])
    elif op == "zoom":
        scene.zoom(message["factor"])
    elif op == "pan":
        scene.pan(message["right"], message["up"])
    elif op == "frame":
        scene.frame()
    elif op == "cut":
        scene.cut(message["point"], message["normal"])
    elif op == "pick":
        _answer(answers, {"kind": "picked", "mm": scene.pick(message["x"], message["y"])})
    elif op == "size":
        size = {"width": int(message["width"]), "height": int(message["height"])}
        scene.resize(**size)
        return size
    return None


def _colours(message: dict[str, Any]) -> dict[int, list[int]]:
    return {int(value): colour for value, colour in message["colours"].items()}


def _answer(answers: BinaryIO, message: dict[str, Any], payload: bytes = b"") -> None:
    answers.write(surface_frames.pack(message, payload))
    answers.flush()


def main() -> None:
    # Libraries that print must not print into the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, answers)
    except Exception as error:  # the window shows the reason
        _answer(answers, {"kind": "error", "message": str(error)})


if __name__ == "__main__":
    main()
