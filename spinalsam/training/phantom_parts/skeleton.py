"""The spine's sizes and pose: one record a vertebra, stacked from the sacrum upward.

Sizes are means of published cadaver and CT morphometry, in mm:
- bodies, canal, pedicles, transverse span: Panjabi et al., Spine 16(8) 1991 (thoracic) and Spine 17(3) 1992 (lumbar);
- facet orientation: Panjabi et al., Spine 18(10) 1993; Masharawi et al., Spine 29(16) 2004;
- disc heights: Zhou et al., European Spine Journal 9 2000; wedge angles and sacral slope: Vialle et al., JBJS Am 87(2) 2005.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinalsam.training.phantom_parts.shapes import Frame


@dataclass(frozen=True)
class Size:
    """One vertebra. Lengths in mm, angles in degrees; `wedge` > 0 is taller in front; disc_* is the disc below it."""

    width: float
    depth: float
    height: float
    wedge: float
    canal_width: float
    canal_depth: float
    pedicle_width: float
    pedicle_height: float
    transverse_half: float
    spinous_length: float
    spinous_drop: float
    facet_half: float
    facet_angle: float
    disc_height: float
    disc_wedge: float


# Rows: width, depth, height, wedge | canal | pedicle | transverse, spinous length and drop |
# facets above it: half distance, angle | disc below.
SIZES: dict[str, Size] = {
    "T8": Size(30.0, 27.0, 19.5, -3.0, 17.5, 15.5, 6.0, 12.5, 29, 30, 24, 10.5, 74, 4.5, 1.0),
    "T9": Size(31.0, 28.5, 20.0, -2.5, 17.6, 15.5, 6.6, 13.5, 28, 29, 22, 10.5, 74, 4.8, 1.0),
    "T10": Size(32.5, 30.0, 20.8, -2.0, 17.8, 15.5, 7.2, 15.0, 26, 28, 18, 10.8, 74, 5.2, 0.5),
    "T11": Size(36.0, 31.5, 22.0, -3.0, 18.8, 16.2, 8.8, 16.6, 24, 27, 13, 11.2, 72, 5.8, 0.5),
    "T12": Size(39.5, 32.5, 23.6, -3.0, 21.6, 17.6, 8.8, 16.5, 23, 27, 9, 12.0, 64, 6.8, 2.0),
    "L1": Size(42.0, 33.5, 25.2, -2.0, 23.2, 18.2, 8.6, 15.9, 37, 29, 7, 13.2, 22, 8.2, 5.0),
    "L2": Size(43.8, 34.3, 26.0, -0.5, 23.6, 17.8, 8.8, 15.2, 41, 31, 6, 14.0, 26, 9.4, 6.5),
    "L3": Size(45.8, 34.8, 26.2, 1.0, 24.3, 17.4, 10.2, 14.8, 47, 32, 6, 15.2, 32, 10.6, 8.0),
    "L4": Size(47.8, 35.2, 26.2, 2.5, 25.6, 17.8, 13.0, 15.4, 44, 29, 6, 17.4, 42, 11.4, 10.0),
    "L5": Size(49.2, 34.6, 25.6, 8.5, 27.6, 18.2, 14.5, 17.5, 45, 23, 6, 20.2, 48, 10.6, 13.0),
    "L6": Size(49.8, 34.0, 25.0, 9.0, 28.4, 18.4, 15.0, 18.0, 46, 20, 5, 21.6, 50, 9.8, 12.0),
}

# The joint between the last lumbar vertebra and the sacrum.
SACRAL_FACET_HALF_MM = 22.5
SACRAL_FACET_ANGLE_DEG = 52.0
SACRAL_WIDTH_MM = 50.0
SACRAL_DEPTH_MM = 32.0


@dataclass(frozen=True)
class Joint:
    """One facet joint in the frame of the lower bone, as a vertical cylinder's wall: process above inside, process below outside."""

    frame: Frame
    centre_mm: NDArray[np.float64]
    normal: NDArray[np.float64]
    side: int


@dataclass(frozen=True)
class Vertebra:
    """A placed vertebra. frame: origin in the middle of the body; axes left, back, head. joints_below are in the lower bone's frame."""

    name: str
    size: Size
    frame: Frame
    fracture: float = 0.0
    joints_above: tuple[Joint, ...] = ()
    joints_below: tuple[Joint, ...] = ()

    @property
    def back_wall_mm(self) -> float:
        """Local position of the middle of the posterior wall, which is slightly hollow."""
        return self.size.depth / 2 - 1.2

    @property
    def spinous_tip_mm(self) -> NDArray[np.float64]:
        """LPS position of the tip of the spinous process."""
        size = self.size
        back = self.back_wall_mm + size.canal_depth + 4.0 + size.spinous_length
        return self.frame.to_world((0.0, back, -5.0 - size.spinous_drop))


@dataclass(frozen=True)
class Spine:
    """Vertebrae from head to foot and the pose of the sacrum, whose origin is the middle of the S1 endplate."""

    vertebrae: tuple[Vertebra, ...]
    sacrum: Frame
    sacral_joints: tuple[Joint, ...]
    scale: float

    def axis_at(self, z_mm: NDArray) -> tuple[NDArray, NDArray]:
        """x and y of the line through the body centres at heights z."""
        sacral_points = [self.sacrum.to_world((0, 4.0, -20.0)), self.sacrum.to_world((0, 22.0, -60.0))]
        points = np.array([v.frame.centre_mm for v in self.vertebrae] + [self.sacrum.centre_mm, *sacral_points])
        points = points[np.argsort(points[:, 2])]
        return np.interp(z_mm, points[:, 2], points[:, 0]), np.interp(z_mm, points[:, 2], points[:, 1])


def rotation(pitch_deg: float, roll_deg: float = 0.0, yaw_deg: float = 0.0) -> NDArray[np.float64]:
    """Axes of a bone that leans forward (pitch), to the left (roll) and turns about its height (yaw)."""
    (cp, sp), (cr, sr), (cy, sy) = ((np.cos(a), np.sin(a)) for a in np.radians((pitch_deg, roll_deg, yaw_deg)))
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    yaw = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return roll @ pitch @ yaw


def joints_of(frame: Frame, size_mm: tuple[float, float, float], angle_deg: float) -> tuple[Joint, ...]:
    """The two joints on top of a bone; size_mm is (half distance, back position, height) of their centres in its frame."""
    half, back, height = size_mm
    joints = []
    for side in (-1, 1):
        angle = np.radians(angle_deg)
        normal = np.array([-side * np.cos(angle), np.sin(angle), 0.0])
        joints.append(Joint(frame, np.array([side * half, back, height]), normal, side))
    return tuple(joints)


def _varied(size: Size, scale: float, rng: np.random.Generator) -> Size:
    """A person's own vertebra: overall scale and a few per cent on each length."""
    lengths = {
        name: getattr(size, name) * scale * rng.normal(1.0, spread)
        for name, spread in (
            ("width", 0.015), ("depth", 0.015), ("height", 0.02), ("canal_width", 0.02), ("canal_depth", 0.03),
            ("pedicle_width", 0.05), ("pedicle_height", 0.03), ("transverse_half", 0.05), ("spinous_length", 0.07),
            ("facet_half", 0.02), ("disc_height", 0.07), ("spinous_drop", 0.08),
        )
    }  # fmt: skip
    angles = {
        "wedge": size.wedge + rng.normal(0, 0.6),
        "disc_wedge": size.disc_wedge + rng.normal(0, 0.8),
        "facet_angle": size.facet_angle + rng.normal(0, 3.5),
    }
    return Size(**(lengths | angles))


def build_spine(
    names: tuple[str, ...],
    rng: np.random.Generator,
    *,
    scale: float,
    scoliosis_deg: float,
    lordosis_scale: float,
    disc_loss: dict[str, float],
    fractures: dict[str, float],
) -> Spine:
    """Stack the named vertebrae (head to foot) on a sacrum.

    L3 lies at y = z = 0, the sacrum at x = 0. disc_loss: fraction of height lost by the disc below a level.
    scoliosis_deg: Cobb angle between the most tilted vertebrae, the fourth and the eighth level above the sacrum's.
    """
    sacral_slope = 38.0 * lordosis_scale + rng.normal(0, 2.5)
    # A sixth lumbar vertebra shares the same lordosis; else the chest would lean backward.
    curvature = lordosis_scale * (0.72 if "L6" in names else 1.0)
    tilt, position = sacral_slope, np.zeros(3)
    sacrum = Frame(position.copy(), rotation(tilt))
    sacral_joints = joints_of(
        sacrum,
        (SACRAL_FACET_HALF_MM * scale, (SACRAL_DEPTH_MM / 2 + 9.5) * scale, 0.5 * scale),
        SACRAL_FACET_ANGLE_DEG + rng.normal(0, 4),
    )
    below_joints = sacral_joints
    placed: list[Vertebra] = []
    for above_sacrum, name in enumerate(reversed(names), start=1):
        size = _varied(SIZES[name], scale, rng)
        loss = disc_loss.get(name, 0.0)
        size = replace(
            size,
            disc_height=size.disc_height * (1 - loss),
            disc_wedge=size.disc_wedge * curvature * (1 - loss),
            wedge=size.wedge * (curvature if size.wedge > 0 else 1.0),
        )
        fracture = fractures.get(name, 0.0)
        phase = 2 * np.pi * above_sacrum / 8.0
        roll = 0.5 * scoliosis_deg * np.sin(phase) if above_sacrum <= 8 else 0.0
        yaw = 0.45 * scoliosis_deg * (0.5 - 0.5 * np.cos(phase)) if above_sacrum <= 8 else 0.0
        position = position + rotation(tilt - size.disc_wedge / 2, roll) @ np.array([0, 0, size.disc_height])
        tilt -= size.disc_wedge
        axes = rotation(tilt - size.wedge / 2, roll, yaw)
        centre = position + axes @ np.array([0, 0, size.height / 2])
        frame = Frame(centre, axes)
        back = size.depth / 2 + (10.5 if size.facet_angle < 60 else 9.0) * scale
        joints = joints_of(frame, (size.facet_half, back, size.height / 2 + 1.5), size.facet_angle)
        placed.append(Vertebra(name, size, frame, fracture, joints, below_joints))
        below_joints = joints
        position = position + axes @ np.array([0, 0, size.height])
        tilt -= size.wedge
    placed.reverse()
    return _centred(Spine(tuple(placed), sacrum, sacral_joints, scale))


def _centred(spine: Spine) -> Spine:
    """The same spine with L3 at y = z = 0 and the sacrum in the middle of the body, x = 0."""
    middle = next(v.frame.centre_mm for v in spine.vertebrae if v.name == "L3")
    shift = np.array([spine.sacrum.centre_mm[0], middle[1], middle[2]])

    def moved(frame: Frame) -> Frame:
        return Frame(frame.centre_mm - shift, frame.axes)

    def moved_joints(joints: tuple[Joint, ...]) -> tuple[Joint, ...]:
        return tuple(replace(joint, frame=moved(joint.frame)) for joint in joints)

    vertebrae = tuple(
        replace(v, frame=moved(v.frame), joints_above=moved_joints(v.joints_above), joints_below=moved_joints(v.joints_below))
        for v in spine.vertebrae
    )
    return Spine(vertebrae, moved(spine.sacrum), moved_joints(spine.sacral_joints), spine.scale)
