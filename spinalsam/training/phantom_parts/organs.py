"""Everything around the spine: trunk wall, muscles, vessels, organs, bowel, discs and the content of the canal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.training.phantom_parts.bones import body_outline, lumps
from spinalsam.training.phantom_parts.canvas import Canvas, Tube, ripple
from spinalsam.training.phantom_parts.shapes import Array, Frame, Grid, ellipsoid_distance, smooth_max
from spinalsam.training.phantom_parts.skeleton import Spine, Vertebra, rotation


@dataclass(frozen=True)
class Habitus:
    """A person's build. Lengths in mm; HU of the tissues as they are in this scan."""

    half_width: float
    front: float
    fat: float
    muscle: float
    muscle_hu: float
    fat_hu: float
    contrast: bool
    calcification: float
    gas: float

    @property
    def artery_hu(self) -> float:
        return 170.0 if self.contrast else 42.0

    @property
    def vein_hu(self) -> float:
        return 130.0 if self.contrast else 40.0

    @property
    def kidney_hu(self) -> float:
        return 165.0 if self.contrast else 33.0


class Trunk:
    """The body's outline: for every height a rounded ellipse, flat at the back, with a groove over the spinous processes."""

    def __init__(self, spine: Spine, habitus: Habitus) -> None:
        self.habitus = habitus
        tips = np.array([v.spinous_tip_mm for v in spine.vertebrae])
        # Behind the sacrum the posterior iliac spines and then the buttocks carry the skin.
        below = [(0, 67, 0), (0, 76, -25), (0, 82, -50), (0, 88, -85), (0, 90, -140)]
        points = np.vstack([tips, spine.sacrum.centre_mm + np.array(below) * spine.scale])
        order = np.argsort(points[:, 2])
        self._z, self._back = points[order, 2], points[order, 1]
        self._hip_z = float(spine.sacrum.centre_mm[2])
        self._outlines: dict[float, tuple[float, Array]] = {}
        table = _table()
        self.wall: Array = (self.fat_thickness(table) + self.muscle_thickness(table)).astype(np.float32)

    def profile(self, z_mm: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Centre y, half width and half depth at heights z."""
        z = np.asarray(z_mm, float)
        window = np.linspace(-30, 30, 13)
        tips = np.mean([np.interp(z + w, self._z, self._back) for w in window], axis=0)
        back = tips + 0.75 * self.habitus.fat + 10.0
        waist = np.exp(-(((z - self._hip_z - 95.0) / 70.0) ** 2))
        front = self.habitus.front * (1 - 0.05 * waist + 0.05 * np.exp(-(((z - self._hip_z - 20) / 60) ** 2)))
        hips = np.exp(-(((z - self._hip_z + 30.0) / 70.0) ** 2))
        half = self.habitus.half_width * (1 - 0.05 * waist + 0.06 * hips)
        return (back - front) / 2, half, (back + front) / 2

    def radius(self, degrees: NDArray, z_mm: float) -> tuple[float, NDArray]:
        """(centre y, distance from it to the skin) for directions measured in degrees from the left toward the back."""
        centre, half_width, half_depth = (float(v) for v in self.profile(np.array([z_mm]))[:3] for v in v)
        angle = np.radians(degrees)
        power = np.where(np.sin(angle) > 0, 2.5, 2.2)
        outline = (np.abs(np.cos(angle) / half_width) ** power + np.abs(np.sin(angle) / half_depth) ** power) ** (-1 / power)
        off_back = np.mod(np.asarray(degrees) - 90.0 + 180.0, 360.0) - 180.0
        bulges = 0.05 * np.exp(-(((np.abs(off_back) - 22.0) / 15.0) ** 2)) - 0.055 * np.exp(-((off_back / 8.0) ** 2))
        return centre, outline * (1.0 + bulges)

    def outline(self, z_mm: float) -> tuple[float, Array]:
        """Like `radius` for the directions of `_table`, remembered for every height."""
        if z_mm not in self._outlines:
            centre, outline = self.radius(_table(), z_mm)
            self._outlines[z_mm] = centre, outline.astype(np.float32)
        return self._outlines[z_mm]

    def fat_thickness(self, degrees: NDArray) -> NDArray:
        """Subcutaneous fat by direction: thickest at the flanks' back, thin over the midline of the back."""
        angle = np.asarray(degrees)
        flank = np.exp(-(((np.abs(np.mod(angle - 90 + 180, 360) - 180) - 48) / 26.0) ** 2))
        midline = np.exp(-(((np.mod(angle - 90 + 180, 360) - 180) / 10.0) ** 2))
        return self.habitus.fat * (0.8 + 0.55 * flank - 0.35 * midline)

    def muscle_thickness(self, degrees: NDArray) -> NDArray:
        """Abdominal wall: three layers at the side, rectus in front, fascia at the back."""
        angle = np.mod(np.asarray(degrees) + 180.0, 360.0) - 180.0
        side = np.exp(-((np.minimum(np.abs(angle - 5), np.abs(np.abs(angle) - 175)) / 34.0) ** 4))
        front = np.exp(-((np.abs(np.abs(angle + 90) - 22) / 16.0) ** 4))
        return 2.2 + self.habitus.muscle * (0.95 * side + 0.5 * front)

    def cage(self, degrees_from_back: float, z_mm: float) -> tuple[float, float]:
        """Where a rib lies on the left: below the fat, on the muscle."""
        degrees = 90.0 - degrees_from_back
        centre, radius = self.radius(np.array([degrees]), z_mm)
        # Near the spine the ribs lie in front of the erector muscles.
        deep = 9.0 + 46.0 * np.exp(-(((degrees_from_back - 22.0) / 28.0) ** 2))
        inside = float(radius[0]) - float(self.fat_thickness(np.array([degrees]))[0]) - deep
        return inside * np.cos(np.radians(degrees)), centre + inside * np.sin(np.radians(degrees))


_LUT_STEPS = 7200


def _directions(dx: Array, dy: Array) -> NDArray[np.int32]:
    """Row of a table over -180..180 degrees for every pixel; a look-up is ten times as fast as interpolation."""
    return (np.arctan2(dy, dx) * np.float32(_LUT_STEPS / (2 * np.pi)) + np.float32(_LUT_STEPS / 2 + 0.5)).astype(np.int32)


def _table() -> NDArray[np.float64]:
    return np.linspace(-180.0, 180.0, _LUT_STEPS + 1)


def paint_trunk(canvas: Canvas, trunk: Trunk, rng: np.random.Generator) -> None:
    """Skin, subcutaneous fat, abdominal wall and the visceral fat in which the organs lie."""
    grid, habitus = canvas.grid, trunk.habitus
    table = _table()
    wobble = np.interp(table, np.linspace(-180, 180, 19), np.append(rng.normal(0, 1.2, 18), 0.0))
    fat = (trunk.fat_thickness(table) + wobble).astype(np.float32)
    muscle = trunk.muscle_thickness(table).astype(np.float32)
    for k, z in enumerate(grid.z_mm):
        centre, outline = trunk.outline(float(z))
        dx, dy = grid.x_mm[None, :], grid.y_mm[:, None] - np.float32(centre)
        rows = _directions(dx, dy)
        radius = np.sqrt(dx * dx + dy * dy).astype(np.float32)
        box = (k, slice(None), slice(None))
        deep = radius - outline[rows]
        canvas.blend(box, canvas.coverage(deep), 15.0, "skin")
        canvas.blend(box, canvas.coverage(deep + 1.9), habitus.fat_hu, "subcutaneous fat")
        wall = deep + fat[rows]
        canvas.blend(box, canvas.coverage(wall), habitus.muscle_hu, "muscle")
        thick = muscle[rows]
        for share in (0.36, 0.68):
            line = np.abs(wall + thick * share) - 0.45
            canvas.blend(box, canvas.coverage(line) * (thick > 8) * 0.75, habitus.fat_hu, "muscle")
        canvas.blend(box, canvas.coverage(wall + thick), habitus.fat_hu - 2, "visceral fat")


def paint_back_muscles(canvas: Canvas, spine: Spine, trunk: Trunk, rng: np.random.Generator) -> None:
    """Erector spinae, multifidus, quadratus lumborum and psoas on both sides, with fat between and in them."""
    habitus, top = trunk.habitus, float(canvas.grid.z_mm[-1]) + 30
    for side in (-1, 1):
        for tube in _muscles(spine, side, top, rng):
            low, high = tube.corners()

            def shape(grid: Grid, tube: Tube = tube) -> Array:
                return smooth_max(tube.distance(grid), _inside_wall(trunk, grid, 0.6), 5.0)

            if tube.power > 2.25:
                # A film of fat parts the back's muscles.
                canvas.paint(low, high, lambda grid: shape(grid) - 0.8, habitus.fat_hu + 30, "visceral fat")
            canvas.paint(low, high, shape, habitus.muscle_hu, "muscle")


def _muscles(spine: Spine, side: int, top: float, rng: np.random.Generator) -> list[Tube]:
    anchors = [(v.frame.centre_mm[2], v.frame.centre_mm[0], v.frame.centre_mm[1] + v.back_wall_mm, v) for v in spine.vertebrae]
    size = rng.normal(1.0, 0.05)
    medial: list[tuple[Any, ...]] = []
    lateral: list[tuple[Any, ...]] = []
    psoas: list[tuple[Any, ...]] = []
    quadratus: list[tuple[Any, ...]] = []
    for z, x, y, vertebra in anchors:
        lumbar = vertebra.name.startswith("L")
        level = int(vertebra.name[1:]) if lumbar else 0
        reach = vertebra.size.canal_depth + vertebra.size.spinous_length
        grow = (0.62 + 0.09 * level) if lumbar else 0.55
        medial.append(
            (z, x + side * (12 + 4 * grow), y + reach * 0.64, (10 + 7 * grow) * size, reach * (0.50 if lumbar else 0.46), -side * 8)
        )
        wide = 25.0 if lumbar else 22.0
        lateral.append(
            (
                z,
                x + side * (21 + wide * (0.78 - 0.03 * level)),
                y + reach * (0.60 if lumbar else 0.74),
                wide * 1.12 * size,
                (27.0 if lumbar else 18.0) * size,
                side * -18.0,
            )
        )
        if lumbar:
            psoas.append(
                (z, x + side * (22 + 4.4 * level), y - 15 - 1.0 * level, (4 + 3.4 * level) * size, (8 + 3.3 * level) * size, side * 12.0)
            )
            if level <= 4:
                quadratus.append((z, x + side * (48 + 4.5 * level), y + 7 + 1.0 * level, (9 + 2.0 * level) * size, 8.5 * size, side * 22))
    z0, x0, y0 = spine.sacrum.centre_mm[2], spine.sacrum.centre_mm[0], spine.sacrum.centre_mm[1]
    psoas += [
        (z0, x0 + side * 58, y0 - 22, 20 * size, 22 * size, side * 20.0),
        (z0 - 55, x0 + side * 80, y0 - 52, 22 * size, 24 * size, 0.0),
        (z0 - 140, x0 + side * 95, y0 - 75, 23 * size, 22 * size, 0.0),
    ]
    medial += [
        (z0 - 12, x0 + side * 16, y0 + 52, 16, 20, 0.0),
        (z0 - 50, x0 + side * 16, y0 + 70, 14, 14, 0.0),
        (z0 - 85, x0 + side * 12, y0 + 74, 6, 6, 0.0),
    ]
    lateral += [
        (z0 - 10, x0 + side * 38, y0 + 58, 18, 19, side * -10.0),
        (z0 - 45, x0 + side * 30, y0 + 74, 13, 12, 0.0),
        (z0 - 70, x0 + side * 26, y0 + 78, 6, 6, 0.0),
    ]
    first_lumbar = next(v for v in spine.vertebrae if v.name == "L1").frame.centre_mm
    psoas.insert(0, (first_lumbar[2] + 12, first_lumbar[0] + side * 24, first_lumbar[1] + 8, 3, 4, 0.0))
    # The iliacus lines the wing, the gluteal muscles cover its outside.
    iliacus = [
        (z0 + 38, x0 + side * 110, y0 + 2, 6, 20, side * 40),
        (z0 - 5, x0 + side * 92, y0 - 12, 15, 38, side * 52),
        (z0 - 50, x0 + side * 88, y0 - 30, 22, 34, side * 44),
        (z0 - 140, x0 + side * 92, y0 - 56, 22, 26, 0),
    ]
    gluteal = [
        (z0 + 48, x0 + side * 106, y0 + 22, 9, 14, side * 30),
        (z0 + 10, x0 + side * 100, y0 + 26, 25, 50, side * 42),
        (z0 - 40, x0 + side * 92, y0 + 38, 40, 62, side * 42),
        (z0 - 150, x0 + side * 92, y0 + 44, 54, 66, side * 30),
    ]
    tubes = [
        Tube(np.array(rows, float), power, 1.8, float(rng.uniform(0, 6)))
        for rows, power in ((gluteal, 2.2), (iliacus, 2.0), (quadratus, 2.2), (psoas, 2.2), (lateral, 2.6), (medial, 2.3))
    ]
    return tubes


def streak_muscles(canvas: Canvas, habitus: Habitus, fatty: float, rng: np.random.Generator) -> None:
    """Fibres and fatty strands in muscle, lobules in fat, fine structure in organs, as a change of HU."""
    spacing = canvas.grid.spacing_mm
    tile = (64, *canvas.hu.shape[1:])
    fine_tile = lumps(tile, (spacing[0] * 0.35, spacing[1], spacing[2]), 2.2, rng)
    coarse_tile = lumps(tile, spacing, 9.0, rng)
    for k, (plane, tissue) in enumerate(zip(canvas.hu, canvas.tissue, strict=True)):
        fine, coarse = fine_tile[k % len(fine_tile)], coarse_tile[k % len(coarse_tile)]
        strands = np.clip(fine + 0.5 * coarse - 1.7 + fatty, 0.0, 1.3)
        plane += (tissue == 4) * (3.5 * fine + 2.5 * coarse - 75.0 * strands)
        septa = np.clip(1.0 - np.abs(fine) / 0.10, 0.0, 1.0) * (coarse > 0.3)
        plane += ((tissue == 2) | (tissue == 3)) * (3.0 * coarse + 22.0 * septa)
        plane += ((tissue >= 18) & (tissue <= 20)) * (2.5 * coarse)


def paint_organs(canvas: Canvas, spine: Spine, trunk: Trunk, rng: np.random.Generator) -> None:
    """Lungs' tips, liver, spleen, kidneys, bowel, vessels and bladder."""
    _paint_bowel(canvas, spine, trunk, rng)
    _paint_upper(canvas, spine, trunk, rng)
    _paint_kidneys(canvas, spine, trunk.habitus, rng)
    _paint_vessels(canvas, spine, trunk.habitus, rng)


def _level(spine: Spine, name: str) -> NDArray[np.float64]:
    return next(v for v in spine.vertebrae if v.name == name).frame.centre_mm


def _tilted(centre: NDArray, turn_deg: float = 0.0, lean_deg: float = 0.0, roll_deg: float = 0.0) -> Frame:
    return Frame(np.asarray(centre, float), rotation(lean_deg, roll_deg, turn_deg))


def _inside_wall(trunk: Trunk, grid: Grid, clearance_mm: float) -> Array:
    """Distance to the abdominal cavity, kept clearance_mm from the wall, for a part of the grid."""
    inset = trunk.wall + np.float32(clearance_mm)
    result = np.empty(grid.shape, np.float32)
    for k, z in enumerate(grid.z_mm):
        centre, outline = trunk.outline(float(z))
        dx, dy = grid.x_mm[None, :], grid.y_mm[:, None] - np.float32(centre)
        result[k] = np.sqrt(dx * dx + dy * dy) - (outline - inset)[_directions(dx, dy)]
    return result


def _paint_upper(canvas: Canvas, spine: Spine, trunk: Trunk, rng: np.random.Generator) -> None:
    upper = _level(spine, "T12")
    half = trunk.habitus.half_width

    def organ(centre: NDArray, radii: tuple, hu: float, tissue: str, turn: float, clearance: float = 2.0, lean: float = 0.0) -> None:
        frame, phase = _tilted(centre, turn, lean), float(rng.uniform(0, 6))

        def shape(grid: Grid) -> Array:
            distance = ellipsoid_distance(grid, frame, radii) + 3.0 * ripple(grid, 70.0, phase)
            return smooth_max(distance, _inside_wall(trunk, grid, clearance), 4.0)

        radius = max(radii)
        canvas.paint(frame.centre_mm - radius, frame.centre_mm + radius, shape, hu, tissue)

    liver_hu = 108.0 if trunk.habitus.contrast else 58.0
    organ(upper + (-half * 0.50, -38, 18), (half * 0.50, 78, 88), liver_hu, "liver", -8, 2.0, 8.0)
    organ(upper + (-half * 0.02, -88, 42), (half * 0.46, 34, 46), liver_hu, "liver", 6, 2.0)
    organ(upper + (half * 0.58, 2, 24), (30, 50, 56), 112.0 if trunk.habitus.contrast else 48.0, "spleen", 32, 2.0)
    # Stomach: a thick-walled bag with fluid below and gas in front.
    stomach = _tilted(upper + (half * 0.36, -52, 14), -28.0, 0.0, 24.0)
    canvas.paint_ellipsoid(stomach, (46.0, 34.0, 42.0), 52.0, "bowel wall")
    canvas.paint_ellipsoid(stomach, (42.0, 30.0, 38.0), 22.0, "bowel content")
    _paint_gas(canvas, trunk, stomach, (42.0, 30.0, 38.0), float(rng.uniform(0.1, 0.5)))
    # Pancreas and duodenum across the midline.
    for n in range(6):
        at = _level(spine, "L1") + (-34.0 + 17.0 * n, -52.0 - 10.0 * np.sin(n / 5 * np.pi), 2.0 + 3.0 * n)
        organ(at, (13.0, 9.0, 12.0), 98.0 if trunk.habitus.contrast else 40.0, "bowel wall", -10.0)
    # Posterior costophrenic recesses: a thin crescent of lung behind liver and spleen.
    for side in (-1, 1):
        centre = upper + (side * half * 0.50, 46, 66)

        def recess(grid: Grid, centre: NDArray = centre, side: int = side) -> Array:
            outer = ellipsoid_distance(grid, _tilted(centre, side * -30.0), (54, 24, 52))
            return smooth_max(outer, _inside_wall(trunk, grid, 1.0), 3.0)

        canvas.paint(centre - 64, centre + 64, recess, -860.0, "lung")


def _paint_kidneys(canvas: Canvas, spine: Spine, habitus: Habitus, rng: np.random.Generator) -> None:
    for side, drop in ((1, 0.0), (-1, -12.0)):
        low, high = _level(spine, "L3"), _level(spine, "T12")
        centre = (0.68 * low + 0.32 * high) + (side * 66.0, 4.0, drop + rng.normal(0, 5))
        frame = _tilted(centre, side * 28.0, 14.0, side * -12.0)
        radii = (27.0 * rng.normal(1, 0.04), 25.0, 55.0 * rng.normal(1, 0.05))
        # Perirenal fat, most of it behind and below.
        bed = Frame(frame.to_world((-side * 8.0, 12.0, -14.0)), frame.axes)
        canvas.paint_ellipsoid(bed, tuple(r + 14.0 for r in radii), habitus.fat_hu - 2, "visceral fat")
        canvas.paint_ellipsoid(frame, radii, habitus.kidney_hu, "kidney")
        if habitus.contrast:
            canvas.paint_ellipsoid(frame, tuple(r - 7.5 for r in radii), 125.0, "kidney")
        sinus = Frame(frame.to_world((-side * 13.0, -3.0, 0.0)), frame.axes)
        canvas.paint_ellipsoid(sinus, (15.0, 8.5, 25.0), habitus.fat_hu + 8, "visceral fat")
        for n in range(5):
            calyx = frame.to_world((-side * rng.uniform(4, 16), rng.uniform(-6, 4), (n - 2) * 9.0))
            canvas.paint_ellipsoid(Frame(calyx, frame.axes), (5.5, 4.0, 5.0), 22.0, "kidney")
        pelvis = frame.to_world((-side * 24.0, -5.0, -4.0))
        canvas.paint_ellipsoid(Frame(pelvis, frame.axes), (9.0, 4.0, 7.0), 14.0, "kidney")


def _paint_vessels(canvas: Canvas, spine: Spine, habitus: Habitus, rng: np.random.Generator) -> None:
    """Aorta to the left of the midline in front of the bodies, vena cava to the right, both forking at L4."""
    front = [(v.frame.centre_mm[2], v.frame.centre_mm[0], v.frame.to_world((0, -v.size.depth / 2, 0))[1], v.name) for v in spine.vertebrae]
    fork = _level(spine, "L4")[2] - 6
    aorta = [(z, x + 7 + 1.5 * rng.normal(), y - 11.5, 10.0, 10.0, 0.0) for z, x, y, _ in front if z > fork + 3]
    cava = [
        (z, x - 17 + 1.5 * rng.normal(), y - 8.0 - (10 if name[0] == "T" else 0), 12.5, 9.0, 12.0)
        for z, x, y, name in front
        if z > fork - 8
    ]
    end = aorta[-1]
    sacrum = spine.sacrum.centre_mm
    for side in (-1, 1):
        iliac = [
            (end[0] + 4, end[1] + side * 4, end[2], 6, 6, 0),
            (sacrum[2] + 12, sacrum[0] + side * 26, sacrum[1] - 32, 6, 6.5, 0),
            (sacrum[2] - 40, sacrum[0] + side * 54, sacrum[1] - 44, 5.5, 6, 0),
            (sacrum[2] - 130, sacrum[0] + side * 78, sacrum[1] - 100, 5, 5.5, 0),
        ]
        vein = [
            (fork - 8, cava[-1][1] + side * 5, cava[-1][2] + 1, 8, 7, 0),
            (sacrum[2] + 6, sacrum[0] + side * 27 - 3, sacrum[1] - 22, 7, 6.5, 0),
            (sacrum[2] - 45, sacrum[0] + side * 52, sacrum[1] - 32, 7, 7, 0),
            (sacrum[2] - 130, sacrum[0] + side * 68, sacrum[1] - 92, 7, 7, 0),
        ]
        canvas.paint_tube(Tube(np.array(vein, float)), habitus.vein_hu, "vena cava and veins")
        canvas.paint_tube(Tube(np.array(iliac, float)), habitus.artery_hu, "aorta and arteries")
    canvas.paint_tube(Tube(np.array(cava, float), 2.0, 0.6, 1.0), habitus.vein_hu, "vena cava and veins")
    canvas.paint_tube(Tube(np.array(aorta, float)), habitus.artery_hu + 8, "aorta and arteries")
    canvas.paint_tube(Tube(np.array(aorta, float)), habitus.artery_hu, "aorta and arteries", inset_mm=1.3)
    for side in (-1, 1):
        rows = [(z, x + side * 16, y - 3, 4.0, 9.0, side * -25.0) for z, x, y, name in front if name[0] == "T" or name in ("L1", "L2")]
        canvas.paint_tube(Tube(np.array(rows, float)), habitus.muscle_hu, "muscle")
    _paint_calcification(canvas, np.array(aorta), habitus.calcification, rng)
    # Mesenteric vessels and nodes: small round sections in the fat in front.
    for _ in range(110):
        z = rng.uniform(canvas.grid.z_mm[0], canvas.grid.z_mm[-1])
        x, y = spine.axis_at(np.array([z]))
        start = np.array([x[0] + rng.normal(0, 34), y[0] - rng.uniform(36, 84), z])
        stop = start + rng.normal(0, 1, 3) * (12, 9, 16)
        radius = float(rng.uniform(0.9, 2.8))
        canvas.paint_rod(start, stop, (radius, radius), (0.3, 0.5, 0.1), habitus.vein_hu - 6, "vena cava and veins")


def _paint_calcification(canvas: Canvas, aorta: NDArray, amount: float, rng: np.random.Generator) -> None:
    """Plaques in the aortic wall: small shells, more toward the fork."""
    rows = aorta[np.argsort(aorta[:, 0])]
    for _ in range(round(22 * amount)):
        share = float(rng.beta(1.0, 1.8))
        z = rows[0, 0] + share * (rows[-1, 0] - rows[0, 0])
        x, y, radius = (float(np.interp(z, rows[:, 0], rows[:, n])) for n in (1, 2, 3))
        angle = rng.uniform(0, 2 * np.pi)
        outward = np.array([np.cos(angle), np.sin(angle), 0.0])
        axes = np.stack([outward, [-outward[1], outward[0], 0.0], [0, 0, 1.0]], axis=1)
        centre = np.array([x, y, z]) + outward * (radius - 0.9)
        canvas.paint_ellipsoid(
            Frame(centre, axes), (1.1, rng.uniform(1.5, 4.5), rng.uniform(1.5, 6.0)), rng.uniform(450, 1000), "calcification"
        )


def _paint_loop(canvas: Canvas, trunk: Trunk, frame: Frame, radii: Sequence[float], wall: tuple[float, float], content_hu: float) -> None:
    """A piece of bowel that stays inside the abdominal wall; wall is (HU, thickness)."""
    radius = max(radii)
    box = canvas.grid.box(frame.centre_mm - radius - 2, frame.centre_mm + radius + 2)
    if box is None:
        return
    part = canvas.grid.part(box)
    distance = smooth_max(ellipsoid_distance(part, frame, radii), _inside_wall(trunk, part, 1.5), 4.0)
    canvas.blend(box, canvas.coverage(distance), wall[0], "bowel wall")
    canvas.blend(box, canvas.coverage(distance + wall[1]), content_hu, "bowel content")


def _paint_bowel(canvas: Canvas, spine: Spine, trunk: Trunk, rng: np.random.Generator) -> None:
    """Small bowel loops, then the colon as a frame round them: ascending, transverse, descending, with stool and gas."""
    half, front = trunk.habitus.half_width, trunk.habitus.front
    hip = spine.sacrum.centre_mm
    upper = _level(spine, "L1")
    for _ in range(150):
        z = rng.uniform(hip[2] - 110, upper[2] + 10)
        near = 0.40 if z > hip[2] else 0.40 - 0.5 * (hip[2] - z) / 110
        centre = np.array([rng.uniform(-0.56, 0.56) * half, -rng.uniform(near, 0.74) * front, z])
        frame = _tilted(centre, rng.uniform(0, 180), rng.uniform(-60, 60), rng.uniform(-60, 60))
        radii = (rng.uniform(9, 13), rng.uniform(9, 14), rng.uniform(16, 30))
        wall = 55.0 + (35.0 if trunk.habitus.contrast else 0.0)
        _paint_loop(canvas, trunk, frame, radii, (wall, 2.2), float(rng.uniform(18, 42)))
        if rng.uniform() < 0.16 * trunk.habitus.gas:
            # Gas rises to the front of the loop, so it has a flat lower border.
            _paint_gas(canvas, trunk, frame, tuple(r - 2.2 for r in radii), float(rng.uniform(-0.3, 0.6)))
    for side, x, y in ((-1, 0.70, 0.10), (1, 0.73, 0.02)):
        rows = [
            (
                hip[2] - 10 + n * 27.0,
                side * half * (x + rng.normal(0, 0.015)) * 0.93,
                -y * front + rng.normal(0, 4),
                rng.uniform(17, 25) * (1.15 if side < 0 else 0.85),
                rng.uniform(18, 26) * (1.15 if side < 0 else 0.85),
                0.0,
            )
            for n in range(6)
        ]
        _paint_colon(canvas, Tube(np.array(rows, float), 2.2, 2.5, float(rng.uniform(0, 6))), trunk.habitus, rng)
    for n in range(9):
        along = (n - 4) / 4.0
        centre = np.array([along * 0.66 * half, -front * (0.72 - 0.22 * along**2), upper[2] - 14 - 30 * (1 - along**2) + rng.normal(0, 4)])
        frame = _tilted(centre, 0, 0, 90)
        radii = (rng.uniform(17, 23), rng.uniform(16, 22), 23.0)
        _paint_loop(canvas, trunk, frame, radii, (50.0, 2.0), 25.0)
        if rng.uniform() < 0.9 * trunk.habitus.gas:
            _paint_gas(canvas, trunk, frame, tuple(r - 2.0 for r in radii), float(rng.uniform(-0.6, 0.5)))


def _paint_gas(canvas: Canvas, trunk: Trunk, frame: Frame, radii: Sequence[float], level: float) -> None:
    surface = frame.centre_mm[1] - level * min(radii)
    radius = max(radii)

    def shape(grid: Grid) -> Array:
        inside = smooth_max(ellipsoid_distance(grid, frame, radii), _inside_wall(trunk, grid, 3.5), 4.0)
        return np.maximum(inside, (grid.y_mm - surface)[None, :, None])

    canvas.paint(frame.centre_mm - radius, frame.centre_mm + radius, shape, -960.0, "bowel gas")


def _paint_colon(canvas: Canvas, tube: Tube, habitus: Habitus, rng: np.random.Generator) -> None:
    canvas.paint_tube(tube, 50.0, "bowel wall")
    low, high = tube.corners()
    box = canvas.grid.box(low, high)
    if box is None:
        return
    part = canvas.grid.part(box)
    inside = canvas.coverage(tube.distance(part) + 2.2)
    # Stool: soft matter full of small bubbles.
    texture = lumps(part.shape, part.spacing_mm, 3.2, rng)
    canvas.blend(box, inside, 35.0, "bowel content")
    bubbles = np.clip((texture - 1.0 + 0.5 * habitus.gas) * 1.6, 0.0, 0.9) * inside
    view = canvas.hu[box]
    view -= bubbles * 700.0


# --- between the bones ---------------------------------------------------------------------------------------------------


def paint_discs(canvas: Canvas, spine: Spine, disc_loss: dict[str, float], rng: np.random.Generator) -> None:
    """A disc below each vertebra: ring and softer nucleus; the endplates are painted over it later."""
    for n, vertebra in enumerate(spine.vertebrae):
        lower = spine.vertebrae[n + 1] if n + 1 < len(spine.vertebrae) else None
        top = vertebra.frame.to_world((0, 0, -vertebra.size.height / 2))
        if lower is not None:
            bottom, axes = lower.frame.to_world((0, 0, lower.size.height / 2)), lower.frame.axes
            sizes = (lower.size.width / 2, lower.size.depth / 2)
        else:
            bottom, axes = spine.sacrum.centre_mm, spine.sacrum.axes
            sizes = (24.0 * spine.scale, 16.0 * spine.scale)
        half_width, half_depth = (vertebra.size.width / 2 + sizes[0]) / 2, (vertebra.size.depth / 2 + sizes[1]) / 2
        head = vertebra.frame.axes[:, 2] + axes[:, 2]
        frame = Frame((top + bottom) / 2, _orthonormal(vertebra.frame.axes[:, 1] + axes[:, 1], head))
        _paint_disc(canvas, frame, half_width, half_depth, vertebra.size.disc_height, disc_loss.get(vertebra.name, 0.0), rng)


def _orthonormal(back: NDArray, head: NDArray) -> NDArray:
    head = head / np.linalg.norm(head)
    back = back - head * (back @ head)
    back = back / np.linalg.norm(back)
    return np.stack([np.cross(back, head), back, head], axis=1)


def _paint_disc(
    canvas: Canvas, frame: Frame, half_width: float, half_depth: float, height: float, loss: float, rng: np.random.Generator
) -> None:
    reach = np.array([half_width + 4, half_depth + 8, height / 2 + 16])
    box = canvas.grid.box(frame.centre_mm - reach, frame.centre_mm + reach)
    if box is None:
        return
    part = canvas.grid.part(box)
    left, back, head = part.local(frame)
    outline = body_outline(left, back, half_width, half_depth)
    bulge = 1.0 + 0.045 * np.exp(-((head / (height / 2 + 1)) ** 2)) * (1 + loss)
    side = (outline / bulge - 1.0) * min(half_width, half_depth)
    distance = smooth_max(side, np.abs(head) - height / 2 - 4.5, 3.0)
    nucleus = np.exp(-(((left / (0.55 * half_width)) ** 2 + ((back - 1.5) / (0.5 * half_depth)) ** 2) ** 1.5))
    texture = lumps(part.shape, part.spacing_mm, 2.5, rng)
    hu = (100.0 - 26.0 * nucleus + 5.0 * texture).astype(np.float32)
    canvas.blend(box, canvas.coverage(distance), hu, "disc")
    if loss > 0.45:
        # A degenerated disc may hold gas.
        cleft = np.abs(head) / 1.1 + (left / (0.5 * half_width)) ** 2 + ((back - 1) / (0.4 * half_depth)) ** 2 - 1.0
        canvas.blend(box, np.clip(0.5 - cleft, 0, 1) * np.clip(0.5 + 0.4 * texture, 0, 1), -650.0, "disc")


def paint_canal(canvas: Canvas, spine: Spine, habitus: Habitus) -> None:
    """Soft tissue around the facets, epidural fat, thecal sac, cord down to L1, nerve roots in the foramina."""
    vertebrae = spine.vertebrae
    for vertebra in vertebrae:
        _paint_ligaments(canvas, vertebra, habitus)
    rows = []
    for vertebra in vertebrae:
        for height in (vertebra.size.height / 2, 0.0, -vertebra.size.height / 2 - vertebra.size.disc_height / 2):
            size = vertebra.size
            centre = vertebra.frame.to_world((0, vertebra.back_wall_mm + size.canal_depth * 0.46, height))
            rows.append((centre[2], centre[0], centre[1], size.canal_width / 2 - 0.5, size.canal_depth / 2 - 0.3, 0.0))
    s1 = spine.sacrum.to_world((0, 22.5, -8))
    s3 = spine.sacrum.to_world((0, 4.5, -58))
    rows += [(s1[2], s1[0], s1[1], 13, 7.5, 0.0), (s3[2], s3[0], s3[1], 8, 4.0, 0.0)]
    knots = _increasing(np.array(rows, float))
    canvas.paint_tube(Tube(knots, 2.4), habitus.fat_hu + 35, "epidural fat")
    sac = knots.copy()
    thin = np.interp(sac[:, 0], (s3[2], s1[2], s1[2] + 60), (0.25, 0.55, 0.80))
    sac[:, 3] = np.minimum(sac[:, 3] * 0.80, 9.5) * np.clip(thin / 0.8, 0, 1)
    sac[:, 4] *= np.clip(thin, 0, 0.84)
    canvas.paint_tube(Tube(sac, 2.1), 24.0, "thecal sac")
    conus = _level(spine, "L1")[2] - 6
    cord = sac[sac[:, 0] > conus - 1].copy()
    if len(cord) > 1:
        taper = np.interp(cord[:, 0], (conus, conus + 38), (0.35, 1.0))
        cord[:, 3], cord[:, 4] = 4.6 * taper, 3.9 * taper
        canvas.paint_tube(Tube(cord), 42.0, "spinal cord")
    _paint_roots(canvas, spine)


def _increasing(rows: NDArray) -> NDArray:
    """Rows sorted by height, those that are closer than 2 mm to the one before left out."""
    rows = rows[np.argsort(rows[:, 0])]
    keep = np.concatenate([[True], np.diff(rows[:, 0]) > 2.0])
    return rows[keep]


def _paint_ligaments(canvas: Canvas, vertebra: Vertebra, habitus: Habitus) -> None:
    """Capsules of the facet joints, ligamentum flavum and the interspinous ligament below a vertebra."""
    size, frame = vertebra.size, vertebra.frame
    for joint in vertebra.joints_below:
        centre = joint.frame.to_world(joint.centre_mm)
        canvas.paint_ellipsoid(Frame(centre, joint.frame.axes), (10.5, 10.5, 12.5), 62.0, "ligament")
    base = vertebra.back_wall_mm + size.canal_depth
    start = frame.to_world((0, base + 3.0, -size.height / 2 - 3))
    end = frame.to_world((0, base + size.spinous_length * 0.85, -size.height / 2 - 6 - size.spinous_drop))
    canvas.paint_rod(start, end, (2.4, 9.5), frame.turn((1, 0, 0)), 28.0, "ligament")
    for side in (-1, 1):
        a = frame.to_world((side * size.canal_width * 0.36, base - 3.2, -size.height / 2 - 3))
        b = frame.to_world((side * 1.0, base + 1.0, -size.height / 2 - 4))
        canvas.paint_rod(a, b, (2.2, 9.0), frame.turn((side * 0.6, 1, 0)), 66.0, "ligament")


def _paint_roots(canvas: Canvas, spine: Spine) -> None:
    """The nerve root below each pedicle, leaving the sac and running down and outward behind the psoas."""
    for vertebra in spine.vertebrae:
        size = vertebra.size
        for side in (-1, 1):
            lateral, back = size.canal_width / 2, vertebra.back_wall_mm
            points = vertebra.frame.to_world(
                [
                    (side * lateral * 0.62, back + 6.0, 4.0),
                    (side * (lateral + 6), back + 4.0, -size.height * 0.30),
                    (side * (lateral + 20), back - 4.0, -size.height * 1.05),
                ]
            )
            for n, radius in enumerate((1.8, 2.9)):
                canvas.paint_rod(points[n], points[n + 1], (radius, radius), (0.2, 1, 0.1), 38.0, "nerve root")


def paint_table(canvas: Canvas, trunk: Trunk) -> None:
    """The curved couch below the patient: two thin shells round a core of foam."""
    grid = canvas.grid
    centre, _, depth = trunk.profile(np.array([0.0, float(grid.z_mm[0]), float(grid.z_mm[-1])]))
    surface = float((centre + depth).max()) + 3.0
    radius = 520.0
    x, y = grid.x_mm[None, :], grid.y_mm[:, None]
    arc = np.sqrt(x * x + (y - (surface - radius)) ** 2) - radius
    edge = np.abs(x) - 205.0
    foam = np.maximum(np.abs(arc - 11.0) - 11.0, edge)
    shell = np.maximum(np.minimum(np.abs(arc - 0.8) - 0.8, np.abs(arc - 21.0) - 1.0), edge)
    outside = canvas.tissue == 0
    for distance, hu in ((foam, -945.0), (shell, -60.0)):
        share = canvas.coverage(distance)[None] * outside
        canvas.hu += share * (hu - canvas.hu)
        canvas.tissue[share >= 0.5] = 25
