"""Tests that hold a time: they say something only on a machine that does nothing else."""

from __future__ import annotations

import os

import pytest

IS_TIMED = bool(os.environ.get("SPINALSAM_TIMED"))
timed = pytest.mark.skipif(not IS_TIMED, reason="set SPINALSAM_TIMED=1 on a quiet machine to hold times")
