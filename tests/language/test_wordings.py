"""Order words, purposes, what is missing, boxes that cover levels, and what is segmented from prompts, in several wordings each."""

from __future__ import annotations

import pytest

from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.language import parse
from spinalsam.language.schema import SURE
from tests.language.hearing import Calls, understood


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            "Generate the point mask once you have added ten points to T4",
            [("add_points", {"count": 10, "regions": ["T4"]}), ("generate_point_mask", {})],
        ),
        ("run the box mask as soon as you've put a box around L2", [("add_box", {"regions": ["L2"]}), ("generate_box_mask", {})]),
        (
            "when you have placed five points on C3, generate the point mask",
            [("add_points", {"count": 5, "regions": ["C3"]}), ("generate_point_mask", {})],
        ),
        ("after you have drawn a box around L5, make the box mask", [("add_box", {"regions": ["L5"]}), ("generate_box_mask", {})]),
        ("export the mask as nrrd after you have segmented L3", [("segment", {"regions": ["L3"]}), ("export_mask", {"format": "nrrd"})]),
        ("hide the mask once you have exported it to a.nrrd", [("export_mask", {"path": "a.nrrd"}), ("show_mask", {"visible": False})]),
        (
            "as soon as you have cleared the boxes, add three points to L1",
            [("clear_boxes", {}), ("add_points", {"count": 3, "regions": ["L1"]})],
        ),
        ("once the boxes have been cleared, put four points on T9", [("clear_boxes", {}), ("add_points", {"count": 4, "regions": ["T9"]})]),
        ("在T4上加完十个点之后生成点掩膜", [("add_points", {"count": 10, "regions": ["T4"]}), ("generate_point_mask", {})]),
        ("在给L2画好框之后，生成框掩膜", [("add_box", {"regions": ["L2"]}), ("generate_box_mask", {})]),
        ("等T4的十个点加好了再生成点掩膜", [("add_points", {"count": 10, "regions": ["T4"]}), ("generate_point_mask", {})]),
        ("等你在L1上放好五个点，再生成点掩膜", [("add_points", {"count": 5, "regions": ["L1"]}), ("generate_point_mask", {})]),
        ("先等L3框好了再生成框掩膜", [("add_box", {"regions": ["L3"]}), ("generate_box_mask", {})]),
        ("在清掉所有框以后给L4加三个点", [("clear_boxes", {}), ("add_points", {"count": 3, "regions": ["L4"]})]),
        (
            "once you have finished placing four points on L1, hide the mask",
            [("add_points", {"count": 4, "regions": ["L1"]}), ("show_mask", {"visible": False})],
        ),
        ("segment L3 when you have a minute", [("segment", {"regions": ["L3"]})]),
        ("generate the box mask as soon as the box is drawn", [("add_box", {}), ("generate_box_mask", {})]),
        ("等分割完L3再导出掩膜", [("segment", {"regions": ["L3"]}), ("export_mask", {})]),
        ("把L2的框画好之后再生成框掩膜", [("add_box", {"regions": ["L2"]}), ("generate_box_mask", {})]),
    ],
)
def test_what_is_to_be_done_first(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("wipe everything so I can begin afresh", [("clear_image", {})]),
        ("clear everything so that I can start over", [("clear_image", {})]),
        ("clear all the points so I can begin again", [("clear_points", {})]),
        ("remove the boxes so that we can start from scratch", [("clear_boxes", {})]),
        ("delete the mask so I can redo it properly", [("clear_mask", {})]),
        ("reset everything so i may start again", [("clear_image", {})]),
        ("erase everything to start afresh", [("clear_image", {})]),
        ("wipe the lot to begin anew", [("clear_image", {})]),
        ("hide the mask so I can see the bone", [("show_mask", {"visible": False})]),
        ("全部清空，好重新开始", [("clear_image", {})]),
        ("把所有东西清掉好让我重新开始", [("clear_image", {})]),
        ("清空点，好重新来", [("clear_points", {})]),
        ("把框都删了，我好重新画", [("clear_boxes", {})]),
        ("全部清空，方便我从头再来", [("clear_image", {})]),
    ],
)
def test_what_it_is_for_is_no_command(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("C2还差三个点，补上", [("add_points", {"count": 3, "regions": ["C2"]})]),
        ("L3还缺两个点，加上", [("add_points", {"count": 2, "regions": ["L3"]})]),
        ("T12少了四个点，请补上", [("add_points", {"count": 4, "regions": ["T12"]})]),
        ("腰4还少一个框，画上", [("add_box", {"regions": ["L4"]})]),
        ("L5还差五个负点，补一下", [("add_points", {"count": 5, "regions": ["L5"], "label": "negative"})]),
        ("C2 is missing three points, add them", [("add_points", {"count": 3, "regions": ["C2"]})]),
        ("L3 still lacks two points, please add them", [("add_points", {"count": 2, "regions": ["L3"]})]),
        ("T7 is short of four points, put them in", [("add_points", {"count": 4, "regions": ["T7"]})]),
        ("L4 is still missing a box, draw one", [("add_box", {"regions": ["L4"]})]),
    ],
)
def test_what_is_missing_is_added(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("a single box that covers T11 through L1", [("add_box", {"regions": ["T11", "T12", "L1"]})]),
        ("one box covering L2 to L4", [("add_box", {"regions": ["L2", "L3", "L4"]})]),
        ("a box spanning T12 through L2 please", [("add_box", {"regions": ["T12", "L1", "L2"]})]),
        ("a rectangle enclosing the sacrum", [("add_box", {"regions": ["sacrum"]})]),
        ("draw a box that encloses L4 and L5", [("add_box", {"regions": ["L4", "L5"]})]),
        ("give me a bounding box which spans C3 to C5", [("add_box", {"regions": ["C3", "C4", "C5"]})]),
        ("I want one box that contains L1 and L2", [("add_box", {"regions": ["L1", "L2"]})]),
        ("一个覆盖T11到L1的框", [("add_box", {"regions": ["T11", "T12", "L1"]})]),
        ("画一个包含L4和L5的框", [("add_box", {"regions": ["L4", "L5"]})]),
        ("来一个能罩住骶骨的方框", [("add_box", {"regions": ["sacrum"]})]),
        ("加一个把T12到L2都包住的框", [("add_box", {"regions": ["T12", "L1", "L2"]})]),
    ],
)
def test_a_box_that_covers_levels(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("对方框内的区域进行分割", [("generate_box_mask", {})]),
        ("对这些点进行分割", [("generate_point_mask", {})]),
        ("对框里的内容做分割", [("generate_box_mask", {})]),
        ("对矩形框内部进行分割", [("generate_box_mask", {})]),
        ("请对框选的区域进行分割", [("generate_box_mask", {})]),
        ("对已标的点进行推理", [("generate_point_mask", {})]),
        ("对L3进行分割", [("segment", {"regions": ["L3"]})]),
        ("分割方框内的区域", [("generate_box_mask", {})]),
        ("segment the area inside the box", [("generate_box_mask", {})]),
        ("segment whatever is inside the box", [("generate_box_mask", {})]),
        ("run segmentation on the region within the box", [("generate_box_mask", {})]),
    ],
)
def test_what_is_segmented_from_prompts(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    "text",
    [
        "generate the point mask once you have frobnicated ten points to T4",
        "generate the point mask once you have added points to the moon",
        "once you have painted L3 purple, export the mask as nifti",
        "export the mask as nifti when you have cleaned the kitchen",
        "在给L3涂色之后导出掩膜",
    ],
)
def test_half_of_an_order_is_asked_about(text: str) -> None:
    found = parse(text, SPOKEN_SPECS)
    assert not found.calls and found.alternatives and found.confidence < SURE


@pytest.mark.parametrize(
    "text",
    [
        "generate the point mask once the resident has added ten points",
        "generate the point mask once you have had lunch",
        "等主任看完了再生成点掩膜",
        "等他加好点再生成点掩膜",
        "C2还差三个点",
        "the box that covers L3 is too big",
        "等我加好点再生成点掩膜",
    ],
)
def test_what_waits_for_others_or_only_reports_is_not_done(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "undo, oh never mind, it is fine",
        "undo - never mind",
        "add a box on L3, no, never mind",
        "segment L3, forget it",
        "撤销，哦不用了，这样就行",
        "撤销吧，啊不用了",
        "生成掩膜，还是不用了",
        "打开下一张，算了，不用了",
    ],
)
def test_what_was_asked_for_last_is_taken_back(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("撤销，然后生成掩膜，哦不用了", [("undo", {})]),
        ("clear the points, never mind, clear the boxes", [("clear_boxes", {})]),
        ("这些点，不用了", [("clear_points", {})]),
        ("删掉这些点，不用了", [("clear_points", {})]),
        ("box L1 to L5, never mind L3", [("add_box", {"regions": ["L1", "L2", "L4", "L5"]})]),
        ("add 3 points on L2, no need to be exact", [("add_points", {"count": 3, "regions": ["L2"]})]),
    ],
)
def test_only_what_was_asked_for_last_is_taken_back(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            "清掉点，给腰2画框，然后生成框掩膜",
            [("clear_points", {}), ("add_box", {"regions": ["L2"]}), ("generate_box_mask", {})],
        ),
        ("清掉框，给L2加点", [("clear_boxes", {}), ("add_points", {"regions": ["L2"]})]),
        ("两个负点，放在腰5旁边", [("add_points", {"count": 2, "regions": ["L5"], "label": "negative"})]),
    ],
)
def test_a_place_belongs_to_what_is_put_and_not_to_what_is_cleared(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    "text", ["框先不用画", "框不用画了", "框先别画", "这个框先不用删", "那个框别删", "框别画，点也别加", "框就先别加了"]
)
def test_a_denied_verb_leaves_its_box_alone(text: str) -> None:
    """框 is a box and 'to box'; before a denial it is the box."""
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("框先不用画，先加点", [("add_points", {})]),
        ("框一下L3，别框L4", [("add_box", {"regions": ["L3"]})]),
        ("框不要了", [("clear_boxes", {})]),
    ],
)
def test_a_denial_reaches_no_further_than_its_own_verb(text: str, calls: Calls) -> None:
    assert understood(text) == calls


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("clear points & boxes", [("clear_points", {}), ("clear_boxes", {})]),
        ("as before, bone window", [("set_window", {"preset": "bone"})]),
        ("before anything else, clear the points", [("clear_points", {})]),
        ("clear mask, undo not needed", [("clear_mask", {})]),
        ("vol L4", [("measure", {"regions": ["L4"]})]),
        ("sl 42", [("go_to", {"slice": 42})]),
        ("next pic", [("navigate", {"direction": "next"})]),
        ("hide it", [("show_mask", {"visible": False})]),
        ("bone", [("set_window", {"preset": "bone"})]),
        ("download the mask", [("export_mask", {})]),
        ("T3、T4上打点", [("add_points", {"regions": ["T3", "T4"]})]),
        ("T3上一打点", [("add_points", {"count": 12, "regions": ["T3"]})]),
        ("点出掩码吧", [("generate_point_mask", {})]),
        ("框转成掩码", [("generate_box_mask", {})]),
        ("框算了，L3放三个点", [("add_points", {"count": 3, "regions": ["L3"]})]),
        ("框就算了，清点", [("clear_points", {})]),
        ("L1上一个点，生成掩码，保存", [("add_points", {"count": 1, "regions": ["L1"]}), ("generate_point_mask", {}), ("export_mask", {})]),
        ("打开 /d/a.nii 去第7层", [("open_image", {"path": "/d/a.nii"}), ("go_to", {"slice": 7})]),
        ("胸腰段T11到L2分割", [("segment", {"regions": ["T11", "T12", "L1", "L2"]})]),
        ("导出为dicom分割", [("export_mask", {"format": "dicom_seg"})]),
        ("回首层", [("go_to", {"position": "first"})]),
        ("回轴位", [("set_view", {"plane": "axial"})]),
        ("200层", [("go_to", {"slice": 200})]),
        ("撤掉上一步", [("undo", {})]),
        ("打开一张图像", [("open_image", {})]),
        ("隐藏叠加", [("show_mask", {"visible": False})]),
        ("把它隐藏", [("show_mask", {"visible": False})]),
        ("能在C1画个框吗", [("add_box", {"regions": ["C1"]})]),
        ("帮帮我", [("help", {})]),
    ],
)
def test_short_for_longer_words(text: str, calls: Calls) -> None:
    assert understood(text) == calls
