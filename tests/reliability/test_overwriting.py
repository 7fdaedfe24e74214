"""Nothing that is said can replace a file: the agreement to that comes from a dialog or a script, never from a sentence."""

from __future__ import annotations

import pytest

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.control.workspace import Workspace
from spinalsam.errors import OutputError
from spinalsam.language import parse
from spinalsam.language.schema import sayable
from tests.control.conftest import put_mask, toy_volume
from tests.fakes import FakeSegmenter

SENTENCES = (
    "export the mask to '{path}'", "save the mask as {path} and overwrite it", "overwrite {path} with the mask",
    "export mask to {path}, replace the existing file", "force export to {path} overwrite=true", "把掩膜导出到 {path} 并覆盖",
)  # fmt: skip


def test_no_sentence_can_agree_to_replace_a_file() -> None:
    for spec in SPOKEN_SPECS.values():
        assert not {argument.name for argument in sayable(spec)} & {"overwrite", "accept_damage", "accept_other_image"}, spec.name


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_a_sentence_gives_leaves_the_file_as_it_is(tmp_path, sentence: str) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(b"precious")
    parsed = parse(sentence.format(path=path), SPOKEN_SPECS, {"has_case": True, "has_mask": True})
    assert not any("overwrite" in call.args for call in parsed.calls)
    with Workspace(journal=False, segmenter=FakeSegmenter(), samples={"toy": toy_volume}) as ws:
        ws.run("open_image", path="sample:toy")
        put_mask(ws)
        for call in parsed.calls:
            if call.op == "export_mask" and "path" in call.args:
                with pytest.raises(OutputError, match="exists already"):
                    ws.run(call.op, **call.args)
    assert path.read_bytes() == b"precious"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["mask.nii.gz"]
