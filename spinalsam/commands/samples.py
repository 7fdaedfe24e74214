"""The sample case: a phantom made once on this machine and kept as NIfTI in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from spinalsam.commands.output import note
from spinalsam.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spinalsam.data.volume import Volume

# One person and a routine reconstruction: thin enough for smooth side views, coarse enough to be made and read quickly.
SEED = 0
SPACING_MM = (0.9, 0.9, 2.0)


@dataclass(frozen=True)
class SampleFiles:
    """The CT and the reference mask (VerSe labels) of the sample case, on one grid."""

    image: Path
    reference: Path


def phantom_volume() -> Volume:
    """The CT of the sample case; what `sample:phantom` opens."""
    from spinalsam.data.formats import read_volume

    return read_volume(sample_files().image)


def phantom_reference(volume: Volume) -> NDArray:
    """The reference labels of the sample case, uint8 [i, j, k] on the grid of `phantom_volume`."""
    from spinalsam.data.formats import read_mask

    return read_mask(sample_files().reference, volume.geometry)


# What a workspace is given, so that `sample:phantom` can be opened in the window, in scripts and in journals.
SAMPLES = {"phantom": phantom_volume}


@lru_cache(maxsize=1)
def sample_files() -> SampleFiles:
    """Where the sample case lies; it is made when it is not there yet. Raises OutputError or ResourceError."""
    folder = _folder()
    key = _fingerprint()
    files = SampleFiles(folder / f"phantom-{key}.nii.gz", folder / f"phantom-{key}-reference.nii.gz")
    if not (files.image.exists() and files.reference.exists()):
        _make(files)
    return files


def _folder() -> Path:
    """The user's cache folder, or where that cannot be written, a folder for this user among the temporary files."""
    from spinalsam.settings import cache_dir

    user = os.getuid() if hasattr(os, "getuid") else "user"
    last: OSError | None = None
    for folder in (cache_dir() / "samples", Path(tempfile.gettempdir()) / f"spinalsam-samples-{user}"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError as error:
            last = error
    raise OutputError(f"The sample case cannot be kept anywhere ({last}); set SPINALSAM_CACHE_DIR to a folder that can be written.")


def _fingerprint() -> str:
    """Changes with the code that makes the phantom, so that nobody gets yesterday's."""
    from spinalsam import training

    folder = Path(training.__path__[0])
    sources = sorted([folder / "phantom.py", *(folder / "phantom_parts").glob("*.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources) + repr((SEED, SPACING_MM)).encode()).hexdigest()[:12]


def _make(files: SampleFiles) -> None:
    from spinalsam.data.formats import write_mask
    from spinalsam.training.phantom import make_phantom

    note("Making the sample case, once (about a minute) ...")
    phantom = make_phantom(SEED, spacing_mm=SPACING_MM)
    write_mask(files.reference, phantom.mask, phantom.volume)
    _write_image(files.image, phantom.volume)


def _write_image(path: Path, volume: Volume) -> None:
    from spinalsam.data.formats import nifti_writer
    from spinalsam.data.formats.safe_write import Output, write_all

    header = nifti_writer.build_header(volume.voxels, volume)
    header["descrip"] = b"SpinalSAM phantom"
    write_all(
        [
            Output(
                path,
                lambda file: nifti_writer.write(file, volume.voxels, header, compressed=True),
                lambda written: nifti_writer.check(written, volume.voxels, header, volume.geometry),
            )
        ]
    )
