"""Kinds of sentences that people who had not seen the grammar wrote and that once were read wrong, each with its neighbours: other verbs,
levels, orders and the other language.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spinalsam.language.benchmark import read_sentences
from tests.language.hearing import Calls, understood

OWN = Path(__file__).with_name("sentences.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "install the latest CUDA toolkit",
        "update the graphics driver",
        "upgrade the GPU",
        "upgrade the GPU driver please",
        "buy a new graphics card",
        "replace the GPU",
        "restart the GPU",
        "disable the GPU",
        "overclock the GPU",
        "add another GPU",
        "put a second GPU in",
        "make the GPU faster",
        "build a GPU server",
        "order two GPUs",
        "reinstall the nvidia driver",
        "get a bigger GPU",
        "set up CUDA on this machine",
        "cool the graphics card down",
        "plug in the second graphics card",
        "give the GPU a rest",
        "fix the GPU",
        "use the GPU",
        "set up the newest CUDA version",
        "deploy the model on the GPU",
        "apply for a GPU grant",
        "insert a new graphics card",
        "mount a second graphics card",
        "装个新显卡",
        "装一下CUDA驱动",
        "更新显卡驱动",
        "换一块显卡",
        "换个好点的显卡",
        "买个新显卡",
        "禁用显卡",
        "给显卡超频",
        "加一块显卡",
        "插一块新显卡",
        "把显卡拔掉",
        "修一下显卡",
        "给显卡降温",
        "申请一块gpu",
        "安装最新的CUDA",
        "清理显存",
        "重启显卡",
        "download new weights",
        "train the model",
        "update the checkpoint",
        "convert the checkpoint to onnx",
        "rename the checkpoint",
        "make a new checkpoint",
        "adjust the parameters",
        "improve the model parameters",
        "fine-tune the weights",
        "delete the checkpoint",
        "install a new model",
        "build a bigger network",
        "add more parameters to the model",
        "set the model parameters to zero",
        "调整模型参数",
        "下载新权重",
        "换个模型",
        "修改参数",
        "重新训练模型参数",
        "更新模型权重",
        "把权重发给我",
        "给模型加参数",
        "清理一下磁盘",
        "清理硬盘",
        "把桌面清空",
        "清空电脑",
        "清一下桌面",
        "clean up the desktop",
        "clear the disk",
        "empty the folder",
        "clean the desk",
        "wipe the drive",
        "清空回收站",
        "清理缓存",
    ],
)
def test_what_is_to_be_done_to_the_machine_is_not_done(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("is the GPU ok?", [[("gpu_status", {})]]),
        ("how is the graphics card doing", [[("gpu_status", {})]]),
        ("show the GPU status", [[("gpu_status", {})]]),
        ("give me the GPU details", [[("gpu_status", {})]]),
        ("please get the GPU status", [[("gpu_status", {})]]),
        ("need the GPU status", [[("gpu_status", {})]]),
        ("make sure the GPU is working", [[("gpu_status", {})]]),
        ("check the CUDA version", [[("gpu_status", {})]]),
        ("显卡能用吗", [[("gpu_status", {})]]),
        ("看一下显存占用", [[("gpu_status", {})]]),
        ("给我看看gpu", [[("gpu_status", {})]]),
        ("which GPU is installed?", [[("gpu_status", {})]]),
        ("is a CUDA driver installed?", [[("gpu_status", {})]]),
        ("run a GPU check", [[("gpu_status", {})]]),
        ("do a GPU check", [[("gpu_status", {})]]),
        ("bring up the GPU info", [[("gpu_status", {})]]),
        ("open the GPU status", [[("gpu_status", {})]]),
        ("run the parameter check", [[("verify_parameters", {})]]),
        ("make sure the weights fit the model", [[("verify_parameters", {})]]),
        ("do a checkpoint check", [[("verify_parameters", {})]]),
    ],
)
def test_the_card_and_the_weights_are_asked_about(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("用我标的点分割L2", [[("generate_point_mask", {"regions": ["L2"]})]]),
        ("用我刚画的框出掩膜", [[("generate_box_mask", {})]]),
        ("根據我畫的框分割腰三", [[("generate_box_mask", {"regions": ["L3"]})]]),
        ("按我点的那几个点生成掩膜", [[("generate_point_mask", {})]]),
        ("用我加的点分割第三腰椎", [[("generate_point_mask", {"regions": ["L3"]})]]),
        ("用我放的点跑分割", [[("generate_point_mask", {})]]),
        ("用我框好的框分割L4", [[("generate_box_mask", {"regions": ["L4"]})]]),
        ("用我画的框生成掩膜", [[("generate_box_mask", {})]]),
        ("根据我标好的点出掩膜", [[("generate_point_mask", {})]]),
        ("把我画的框删掉", [[("clear_boxes", {})]]),
        ("清除我加的点", [[("clear_points", {})]]),
        ("use the box I drew", [[("generate_box_mask", {})]]),
        ("segment L2 from the points I clicked", [[("generate_point_mask", {"regions": ["L2"]})]]),
        ("generate the mask from the points we placed", [[("generate_point_mask", {})]]),
        ("run the segmentation with the boxes I have drawn", [[("generate_box_mask", {})]]),
        ("segment T12 with the box I drew", [[("generate_box_mask", {"regions": ["T12"]})]]),
        ("delete the points I placed", [[("clear_points", {})]]),
        ("remove the box I just drew", [[("clear_boxes", {})]]),
    ],
)
def test_whose_points_and_boxes_they_are_makes_no_report(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("clear the mask but keep my points", [[("clear_mask", {})]]),
        ("delete the boxes but leave the points", [[("clear_boxes", {})]]),
        ("erase the points but leave my boxes alone", [[("clear_points", {})]]),
        ("remove the boxes and leave everything else as it is", [[("clear_boxes", {})]]),
        ("wipe the points, leave the mask alone", [[("clear_points", {})]]),
        ("clear the points but keep the mask", [[("clear_points", {})]]),
        ("erase the mask but not the points", [[("clear_mask", {})]]),
        ("删掉掩膜但保留点", [[("clear_mask", {})]]),
        ("把点清掉，框留着", [[("clear_points", {})]]),
        ("清除框，点别动", [[("clear_boxes", {})]]),
        ("清除掩膜但别动我的点", [[("clear_mask", {})]]),
        ("change the window width to 2000 HU, leave the level alone", [[("set_window", {"width": 2000})]]),
        ("set the level to 40 and leave the width as it is", [[("set_window", {"level": 40})]]),
    ],
)
def test_what_is_left_alone_beside_a_command(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("we need a box at 30,40,80,90", [[("add_box", {"corners": [30, 40, 80, 90]})]]),
        ("add a negative point at 30,40, it's leaking there", [[("add_points", {"label": "negative", "at": [[30, 40]]})]]),
        ("put a background point at 120, 88, the mask bleeds into the canal", [[("add_points", {"label": "negative", "at": [[120, 88]]})]]),
        ("we need a positive point at 99, 310, the pedicle is missing", [[("add_points", {"at": [[99, 310]]})]]),
        ("I need three points on L3, it keeps missing the arch", [[("add_points", {"count": 3, "regions": ["L3"]})]]),
        ("add a box around L2, the last one was too small", [[("add_box", {"regions": ["L2"]})]]),
        ("undo that, it went into the canal", [[("undo", {})]]),
        ("cortex is washed out, go to a bone window", [[("set_window", {"preset": "bone"})]]),
        ("the contrast is poor here, soft tissue window please", [[("set_window", {"preset": "soft_tissue"})]]),
        ("the endplate is cut off, add two points to L3", [[("add_points", {"count": 2, "regions": ["L3"]})]]),
        ("nine seeds, distributed across C2-C5", [[("add_points", {"count": 9, "regions": ["C2", "C3", "C4", "C5"]})]]),
    ],
)
def test_why_it_is_asked(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "(30,40)这里漏了，加个负点",
            [
                [("add_points", {"label": "negative", "at": [[30, 40]]})],
                [("add_points", {"label": "negative", "at": [[30, 40]], "count": 1})],
            ],
        ),
        (
            "(88,120)这里是肋骨，加个背景点",
            [
                [("add_points", {"label": "negative", "at": [[88, 120]]})],
                [("add_points", {"label": "negative", "at": [[88, 120]], "count": 1})],
            ],
        ),
        ("(88,120)是椎体，给个正点", [[("add_points", {"at": [[88, 120]]})], [("add_points", {"at": [[88, 120]], "count": 1})]]),
        (
            "(88,120)那里不是骨头，放一个负点",
            [
                [("add_points", {"label": "negative", "at": [[88, 120]]})],
                [("add_points", {"label": "negative", "at": [[88, 120]], "count": 1})],
            ],
        ),
        (
            "坐标(88,120)漏出去了，补个负点",
            [
                [("add_points", {"label": "negative", "at": [[88, 120]]})],
                [("add_points", {"label": "negative", "at": [[88, 120]], "count": 1})],
            ],
        ),
        ("the mask leaks at 30, 40, put a negative point there", [[("add_points", {"label": "negative", "at": [[30, 40]]})]]),
        ("30,40 is the canal, add a negative point there", [[("add_points", {"label": "negative", "at": [[30, 40]]})]]),
        ("(30, 40) is muscle, put a background point", [[("add_points", {"label": "negative", "at": [[30, 40]]})]]),
        ("(30, 40) is bone, add a point", [[("add_points", {"at": [[30, 40]]})], [("add_points", {"at": [[30, 40]], "count": 1})]]),
    ],
)
def test_where_was_said_before(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("带我去L3", [[("go_to", {"regions": ["L3"]})]]),
        ("帶我去胸十二", [[("go_to", {"regions": ["T12"]})]]),
        ("带我去腰2那一层", [[("go_to", {"regions": ["L2"]})]]),
        ("带我到第30层", [[("go_to", {"slice": 30})]]),
        ("带我看骶骨", [[("go_to", {"regions": ["sacrum"]})]]),
        ("跳到T12所在的层面", [[("go_to", {"regions": ["T12"]})]]),
        ("去L4所在层", [[("go_to", {"regions": ["L4"]})]]),
        ("翻到颈5所在的切片", [[("go_to", {"regions": ["C5"]})]]),
        ("帶我到L1所在的那一層", [[("go_to", {"regions": ["L1"]})]]),
        ("take me to where L2 is", [[("go_to", {"regions": ["L2"]})]]),
        ("take me to the slice where L2 is", [[("go_to", {"regions": ["L2"]})]]),
        ("take me to L4", [[("go_to", {"regions": ["L4"]})]]),
        ("find T3 in the volume and go there", [[("go_to", {"regions": ["T3"]})]]),
        ("locate the sacrum and take me there", [[("go_to", {"regions": ["sacrum"]})]]),
        ("find L2 and segment it", [[("segment", {"regions": ["L2"]})]]),
        ("find L2", [[("segment", {"regions": ["L2"]})]]),
        ("找到L4然后跳过去", [[("go_to", {"regions": ["L4"]})]]),
        ("切矢状位看L5", [[("set_view", {"plane": "sagittal"}), ("go_to", {"regions": ["L5"]})]]),
        ("冠状位看骶骨", [[("set_view", {"plane": "coronal"}), ("go_to", {"regions": ["sacrum"]})]]),
        ("切到轴位去看胸12", [[("set_view", {"plane": "axial"}), ("go_to", {"regions": ["T12"]})]]),
    ],
)
def test_where_to_look(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("参数匹不匹配", [[("verify_parameters", {})]]),
        ("检查一下权重匹不匹配", [[("verify_parameters", {})]]),
        ("权重和模型一不一致", [[("verify_parameters", {})]]),
        ("检查点对不对得上模型", [[("verify_parameters", {})]]),
        ("看看模型权重兼不兼容", [[("verify_parameters", {})]]),
        ("验证参数和模型符不符合", [[("verify_parameters", {})]]),
        ("model参数match不match", [[("verify_parameters", {})]]),
        ("检查权重对不对应", [[("verify_parameters", {})]]),
        ("看下checkpoint和模型配不配", [[("verify_parameters", {})]]),
        ("显卡可不可用", [[("gpu_status", {})]]),
        ("gpu ok不ok", [[("gpu_status", {})]]),
        ("显卡正不正常", [[("gpu_status", {})]]),
        ("看看显卡能不能用", [[("gpu_status", {})]]),
    ],
)
def test_a_not_a_is_whether(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("axial, sagittal and coronal together", [[("set_view", {"plane": "mpr"})]]),
        ("show me axial, coronal and sagittal side by side", [[("set_view", {"plane": "mpr"})]]),
        ("show axial, sagittal and coronal at the same time", [[("set_view", {"plane": "mpr"})]]),
        ("display the axial, coronal and sagittal planes simultaneously", [[("set_view", {"plane": "mpr"})]]),
        ("I want axial, sagittal and coronal at once", [[("set_view", {"plane": "mpr"})]]),
        ("轴位矢状位冠状位一起看", [[("set_view", {"plane": "mpr"})]]),
        ("横断面、冠状面和矢状面同时显示", [[("set_view", {"plane": "mpr"})]]),
        ("同时显示轴位、矢状位和冠状位", [[("set_view", {"plane": "mpr"})]]),
        ("矢状冠状横断三个一起显示", [[("set_view", {"plane": "mpr"})]]),
        ("冠状、矢状、轴位都要看", [[("set_view", {"plane": "mpr"})]]),
        ("三个平面一起看", [[("set_view", {"plane": "mpr"})]]),
    ],
)
def test_three_planes_at_once(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("take the mask overlay off the screen", [[("show_mask", {"visible": False})]]),
        ("get the segmentation off my screen", [[("show_mask", {"visible": False})]]),
        ("take the overlay off the image", [[("show_mask", {"visible": False})]]),
        ("take the overlay off", [[("show_mask", {"visible": False})]]),
        ("take that mask off the view for now", [[("show_mask", {"visible": False})]]),
        ("clear the segmentation overlay off the screen", [[("show_mask", {"visible": False})]]),
        ("remove the overlay from the display", [[("show_mask", {"visible": False})]]),
        ("get the red overlay out of the way", [[("show_mask", {"visible": False})]]),
        ("把掩膜从屏幕上拿掉", [[("show_mask", {"visible": False})]]),
        ("屏幕上别显示掩膜", [[("show_mask", {"visible": False})]]),
        ("先把掩膜从画面上去掉", [[("show_mask", {"visible": False})]]),
        ("把分割结果从图上撤下来", [[("show_mask", {"visible": False})]]),
        ("put the mask overlay back on the screen", [[("show_mask", {"visible": True})]]),
        ("show me the mask again", [[("show_mask", {"visible": True})]]),
        ("show me the mask", [[("show_mask", {"visible": True})]]),
        ("let me see the mask", [[("show_mask", {"visible": True})]]),
    ],
)
def test_off_the_screen_is_hidden(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("Ctrl-Z twice", [[("undo", {"count": 2})]]),
        ("ctrl+z three times", [[("undo", {"count": 3})]]),
        ("ctrl z", [[("undo", {})]]),
        ("Ctrl-Z x3", [[("undo", {"count": 3})]]),
        ("hit ctrl+z twice", [[("undo", {"count": 2})]]),
        ("press Ctrl-Z two times", [[("undo", {"count": 2})]]),
        ("cmd+z", [[("undo", {})]]),
        ("cmd-z twice", [[("undo", {"count": 2})]]),
        ("control z", [[("undo", {})]]),
        ("control-Z please", [[("undo", {})]]),
        ("按两次ctrl+z", [[("undo", {"count": 2})]]),
        ("ctrl+z两次", [[("undo", {"count": 2})]]),
        ("ctrl-z 三下", [[("undo", {"count": 3})]]),
        ("ctrl+y", [[("redo", {})]]),
        ("Ctrl-Y twice", [[("redo", {"count": 2})]]),
        ("ctrl+shift+z", [[("redo", {})]]),
        ("cmd+shift+z twice", [[("redo", {"count": 2})]]),
        ("undo twice", [[("undo", {"count": 2})]]),
        ("undo that twice", [[("undo", {"count": 2})]]),
        ("undo two times", [[("undo", {"count": 2})]]),
        ("redo thrice", [[("redo", {"count": 3})]]),
    ],
)
def test_keys(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("再L2上加六个店", [[("add_points", {"count": 6, "regions": ["L2"]})]]),
        ("在L3放四个店", [[("add_points", {"count": 4, "regions": ["L3"]})]]),
        ("再腰3上加五个点", [[("add_points", {"count": 5, "regions": ["L3"]})]]),
        ("再L4画个框", [[("add_box", {"regions": ["L4"]})]]),
        ("再第四腰椎上画框", [[("add_box", {"regions": ["L4"]})]]),
        ("在胸10加三个典", [[("add_points", {"count": 3, "regions": ["T10"]})]]),
        ("撤消三部", [[("undo", {"count": 3})]]),
        ("撤销两部", [[("undo", {"count": 2})]]),
        ("重做三部", [[("redo", {"count": 3})]]),
        ("撤销二布", [[("undo", {"count": 2})]]),
        ("标前设为T6", [[("set_label", {"regions": ["T6"]})]]),
        ("标签社为L3", [[("set_label", {"regions": ["L3"]})]]),
        ("把标前改成L2", [[("set_label", {"regions": ["L2"]})]]),
        ("标千设为T7", [[("set_label", {"regions": ["T7"]})]]),
        ("下三章", [[("navigate", {"direction": "next", "count": 3})]]),
        ("往后翻两曾", [[("navigate", {"direction": "next", "count": 2})]]),
        ("前进五成", [[("navigate", {"direction": "next", "count": 5})]]),
        ("跳到第三十曾", [[("go_to", {"slice": 30})]]),
        ("去第40成", [[("go_to", {"slice": 40})]]),
    ],
)
def test_one_character_of_the_same_sound(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "check the GPU and whether the checkpoint matches the model, then auto-segment the cervical spine",
            [[("gpu_status", {}), ("verify_parameters", {}), ("segment", {"regions": ["cervical"]})]],
        ),
        ("check the GPU and whether the weights fit the model", [[("gpu_status", {}), ("verify_parameters", {})]]),
        ("tell me the GPU status and if the weights match the model", [[("gpu_status", {}), ("verify_parameters", {})]]),
        ("check whether the checkpoint matches the model and whether the GPU is free", [[("verify_parameters", {}), ("gpu_status", {})]]),
        ("see if the GPU works and the weights match", [[("gpu_status", {}), ("verify_parameters", {})]]),
        (
            "verify the weights, check the GPU and segment L3",
            [[("verify_parameters", {}), ("gpu_status", {}), ("segment", {"regions": ["L3"]})]],
        ),
        ("check the graphics card and that the parameters match", [[("gpu_status", {}), ("verify_parameters", {})]]),
        ("看看显卡，再检查参数是否匹配", [[("gpu_status", {}), ("verify_parameters", {})]]),
        ("检查显卡以及权重是否匹配", [[("gpu_status", {}), ("verify_parameters", {})]]),
        (
            "检查一下显卡和参数匹不匹配，然后分割颈椎",
            [[("gpu_status", {}), ("verify_parameters", {}), ("segment", {"regions": ["cervical"]})]],
        ),
    ],
)
def test_card_and_weights_in_one_sentence(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("清除框后在T8加三个点", [[("clear_boxes", {}), ("add_points", {"count": 3, "regions": ["T8"]})]]),
        ("清掉框在T8加三个点", [[("clear_boxes", {}), ("add_points", {"count": 3, "regions": ["T8"]})]]),
        ("删掉点给L2画个框", [[("clear_points", {}), ("add_box", {"regions": ["L2"]})]]),
        ("删掉掩膜后给L3画框再生成框掩膜", [[("clear_mask", {}), ("add_box", {"regions": ["L3"]}), ("generate_box_mask", {})]]),
        ("隐藏掩膜在L4加两个点", [[("show_mask", {"visible": False}), ("add_points", {"count": 2, "regions": ["L4"]})]]),
        (
            "打开图像在(30,40)加一个点",
            [
                [("open_image", {}), ("add_points", {"at": [[30, 40]]})],
                [("open_image", {}), ("add_points", {"at": [[30, 40]], "count": 1})],
            ],
        ),
        ("下一层画个框", [[("navigate", {"direction": "next"}), ("add_box", {})]]),
        ("上一张加三个点", [[("navigate", {"direction": "previous"}), ("add_points", {"count": 3})]]),
        (
            "去下一层加个负点",
            [
                [("navigate", {"direction": "next"}), ("add_points", {"label": "negative"})],
                [("navigate", {"direction": "next"}), ("add_points", {"label": "negative", "count": 1})],
            ],
        ),
        ("下一张清除点", [[("navigate", {"direction": "next"}), ("clear_points", {})]]),
        ("C3到C5打点", [[("add_points", {"regions": ["C3", "C4", "C5"]})]]),
        ("L3打点", [[("add_points", {"regions": ["L3"]})]]),
        ("腰3打点", [[("add_points", {"regions": ["L3"]})]]),
        ("在L3打点", [[("add_points", {"regions": ["L3"]})]]),
        ("一打点", [[("add_points", {"count": 12})]]),
        ("L2上打一打点", [[("add_points", {"count": 12, "regions": ["L2"]})]]),
        ("两打点放在胸椎", [[("add_points", {"count": 24, "regions": ["thoracic"]})]]),
    ],
)
def test_the_place_of_a_chinese_verb_stands_before_it(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("换一张片子", [[("open_image", {})]]),
        ("再开一张片子", [[("open_image", {})]]),
        ("来张CT", [[("open_image", {})]]),
        ("load 一张图", [[("open_image", {})]]),
        ("我想换一张片子", [[("open_image", {})]]),
        ("打开一个新的病例", [[("open_image", {})]]),
    ],
)
def test_another_picture(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    "text",
    [
        "clear everything except the image: points, boxes and mask",
        "clear everything but the mask",
    ],
)
def test_less_than_everything_cannot_be_cleared(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "L3椎体高度正常",
        "L1骨密度减低",
        "腰椎体积正常",
        "L4椎体高度丢失",
        "T12 height preserved",
        "L3 density low",
        "L2 vertebral body height reduced by 20 %",
        "L2 height normal, no fracture",
    ],
)
def test_what_a_report_says(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "thanks for the help",
        "thank you for all your help",
        "cheers for helping",
        "later we'll do the thoracic spine",
        "we'll do L3 later",
        "I'll do the sacrum later on",
        "soon we will look at L4",
        "afterwards I'll take care of T5",
        "往前走两步",
        "往后走一步",
        "再往前走三步",
    ],
)
def test_thanks_and_other_business(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("new masks are T11 from now on", [[("set_label", {"regions": ["T11"]})]]),
        ("new masks are L3 from here on", [[("set_label", {"regions": ["L3"]})]]),
        ("masks are now T4", [[("set_label", {"regions": ["T4"]})]]),
        ("the next masks are L2, please", [[("set_label", {"regions": ["L2"]})]]),
        ("all masks from now on are C3", [[("set_label", {"regions": ["C3"]})]]),
        ("from now on masks are L5", [[("set_label", {"regions": ["L5"]})]]),
        ("new masks will be T9", [[("set_label", {"regions": ["T9"]})]]),
        ("masks from here on: L4", [[("set_label", {"regions": ["L4"]})]]),
        ("every new mask is T2 from now on", [[("set_label", {"regions": ["T2"]})]]),
        ("new masks get the label L1", [[("set_label", {"regions": ["L1"]})]]),
        ("make L2 the label for what comes next", [[("set_label", {"regions": ["L2"]})]]),
        ("T7 is the label for the next ones", [[("set_label", {"regions": ["T7"]})]]),
        ("switch the label to sacrum", [[("set_label", {"regions": ["sacrum"]})]]),
        ("label: T12", [[("set_label", {"regions": ["T12"]})]]),
        ("please tag the upcoming masks as C2", [[("set_label", {"regions": ["C2"]})]]),
        ("从现在起掩膜都是L3", [[("set_label", {"regions": ["L3"]})]]),
        ("以后的掩膜算腰2", [[("set_label", {"regions": ["L2"]})]]),
        ("新的掩膜标签用胸5", [[("set_label", {"regions": ["T5"]})]]),
        ("把标签切到骶骨", [[("set_label", {"regions": ["sacrum"]})]]),
        ("后面的掩膜记成C4", [[("set_label", {"regions": ["C4"]})]]),
        ("標籤設為第五腰椎", [[("set_label", {"regions": ["L5"]})]]),
    ],
)
def test_the_label_of_new_masks(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    "text",
    [
        "the old masks are T11",
        "the masks were T11 all along",
        "these masks are L3 and L4",
    ],
)
def test_what_old_masks_are_labels_nothing(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "Hello there, hope you are having a good day. Could you please hide the mask? Thank you so much!",
            [[("show_mask", {"visible": False})]],
        ),
        ("Hi, hope all is well! Please segment L3.", [[("segment", {"regions": ["L3"]})]]),
        ("Dear assistant, I hope this finds you well. Kindly export the mask as STL. Best regards", [[("export_mask", {"format": "stl"})]]),
        ("Good morning! Sorry to bother you, would you undo the last step?", [[("undo", {"count": 1})], [("undo", {})]]),
        ("Hi! I hope your day is going fine, could you go to slice 12?", [[("go_to", {"slice": 12})]]),
        ("Sorry for the trouble, but could you draw a box around T6? Thanks a million", [[("add_box", {"regions": ["T6"]})]]),
        ("If it isn't too much to ask, would you clear the boxes?", [[("clear_boxes", {})]]),
        ("Whenever you get a chance, please verify the checkpoint.", [[("verify_parameters", {})]]),
        ("Would it be possible to have the bone window?", [[("set_window", {"preset": "bone"})]]),
        ("Might I ask you to add two points on L1?", [[("add_points", {"count": 2, "regions": ["L1"]})]]),
        ("I would be much obliged if you could show the mask", [[("show_mask", {"visible": True})]]),
        ("Be a dear and go to the last slice", [[("go_to", {"position": "last"})]]),
        ("请问能不能麻烦您帮我把框都清掉呀，谢谢啦", [[("clear_boxes", {})]]),
        ("请问可不可以麻烦你把掩膜隐藏一下", [[("show_mask", {"visible": False})]]),
        ("能不能劳烦您帮我跳到第20层呢", [[("go_to", {"slice": 20})]]),
        ("能否请您帮我在L3加三个点", [[("add_points", {"count": 3, "regions": ["L3"]})]]),
        ("不好意思打扰一下，麻烦切到骨窗", [[("set_window", {"preset": "bone"})]]),
        ("您好，辛苦您帮忙导出一下掩膜，非常感谢", [[("export_mask", {})]]),
        ("您好，希望您今天一切顺利，麻烦帮我撤销一步", [[("undo", {"count": 1})]]),
        ("晚上好，值班辛苦了，请把点清掉", [[("clear_points", {})]]),
        ("可以的话请帮我分割一下胸12", [[("segment", {"regions": ["T12"]})]]),
        ("方便的话帮我把框删了吧，多谢", [[("clear_boxes", {})]]),
        ("请问您能把掩膜清掉吗", [[("clear_mask", {})]]),
        ("劳驾，测一下L4", [[("measure", {"regions": ["L4"]})]]),
        ("有劳了，帮忙看看显卡状态", [[("gpu_status", {})]]),
        ("撤销掉刚才的操作，谢谢", [[("undo", {})]]),
        ("要一个框在L5上，谢谢", [[("add_box", {"regions": ["L5"]})]]),
        ("窗宽缩到200，谢谢", [[("set_window", {"width": 200})]]),
        ("清除所有点，谢谢你", [[("clear_points", {})]]),
        ("Please segment L3.", [[("segment", {"regions": ["L3"]})]]),
        ("Segment L3.", [[("segment", {"regions": ["L3"]})]]),
        ("Clear the boxes.", [[("clear_boxes", {})]]),
        ("删除框。", [[("clear_boxes", {})]]),
    ],
)
def test_courtesies_change_nothing(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    "text",
    [
        "Hello Dr. Weber, could you clear the points on your case?",
        "Hope the boxes are fine.",
        "I hope the mask is good enough.",
        "I hope you had a good night shift.",
        "请问掩膜清掉了吗",
        "请问能不能做核磁",
        "请问您吃了吗",
        "麻烦您让一下",
    ],
)
def test_courtesies_ask_for_nothing(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "load the volume at /data/x/y.mha and show it sagittally",
            [[("open_image", {"path": "/data/x/y.mha"}), ("set_view", {"plane": "sagittal"})]],
        ),
        (
            "fetch D:\\ct\\t1.nii.gz then jump to the middle slice",
            [[("open_image", {"path": "D:\\ct\\t1.nii.gz"}), ("go_to", {"position": "middle"})]],
        ),
        ("center on L4", [[("go_to", {"regions": ["L4"]})]]),
        ("take me back to slice 17", [[("go_to", {"slice": 17})]]),
        ("slice number forty-two", [[("go_to", {"slice": 42})]]),
        ("bring up slice 9", [[("go_to", {"slice": 9})]]),
        ("the middle slice please", [[("go_to", {"position": "middle"})]]),
        ("go all the way to the first image", [[("go_to", {"position": "first"})]]),
        ("scroll to the sacrum", [[("go_to", {"regions": ["sacrum"]})]]),
        ("看看第一百二十层", [[("go_to", {"slice": 120})]]),
        ("回到第5张", [[("go_to", {"slice": 5})]]),
        ("到正中间那层", [[("go_to", {"position": "middle"})]]),
        ("直接到C7那里", [[("go_to", {"regions": ["C7"]})]]),
        ("翻回首层", [[("go_to", {"position": "first"})]]),
        ("window 400/40", [[("set_window", {"width": 400, "level": 40})]]),
        ("bone setting", [[("set_window", {"preset": "bone"})]]),
        ("WL 60 WW 300", [[("set_window", {"level": 60, "width": 300})]]),
        ("set W to 1500 and L to 450", [[("set_window", {"width": 1500, "level": 450})]]),
        ("narrow the window to 300", [[("set_window", {"width": 300})]]),
        ("窗宽三百五窗位四十", [[("set_window", {"width": 350, "level": 40})]]),
        ("调成肺窗", [[("set_window", {"preset": "lung"})]]),
        ("窗位负六百", [[("set_window", {"level": -600})]]),
        ("W400 L40", [[("set_window", {"width": 400, "level": 40})]]),
        ("用骨窗看", [[("set_window", {"preset": "bone"})]]),
        ("put the mask in /tmp/a/b.nii.gz", [[("export_mask", {"path": "/tmp/a/b.nii.gz"})]]),
        ("dump the mask to D:\\x\\m.nrrd as nrrd", [[("export_mask", {"path": "D:\\x\\m.nrrd", "format": "nrrd"})]]),
        ("write out an STL of the mask", [[("export_mask", {"format": "stl"})]]),
        ("I'd like to have the mask as a NIfTI file", [[("export_mask", {"format": "nifti"})]]),
        ("save it as DICOM SEG to /out/seg.dcm", [[("export_mask", {"format": "dicom_seg", "path": "/out/seg.dcm"})]]),
        ("导出一份nifti", [[("export_mask", {"format": "nifti"})]]),
        ("把掩膜另存为 /out/w/m.nii.gz", [[("export_mask", {"path": "/out/w/m.nii.gz"})]]),
        ("掩膜保存成STL，放到 /out/x.stl", [[("export_mask", {"path": "/out/x.stl", "format": "stl"})]]),
        ("把mask导出成dicom seg", [[("export_mask", {"format": "dicom_seg"})]]),
        ("does the checkpoint match?", [[("verify_parameters", {})]]),
        ("are the parameters consistent with the model", [[("verify_parameters", {})]]),
        ("run a verification of the weights", [[("verify_parameters", {})]]),
        ("核实一下参数", [[("verify_parameters", {})]]),
        ("模型跟权重配套吗", [[("verify_parameters", {})]]),
        ("确认权重没问题", [[("verify_parameters", {})]]),
        ("next", [[("navigate", {"direction": "next"})]]),
        ("one back", [[("navigate", {"direction": "previous", "count": 1})], [("navigate", {"direction": "previous"})]]),
        ("three slices down the stack", [[("navigate", {"direction": "next", "count": 3})]]),
        ("move on by four images", [[("navigate", {"direction": "next", "count": 4})]]),
        ("下一个切片", [[("navigate", {"direction": "next"})]]),
        ("退回去两张", [[("navigate", {"direction": "previous", "count": 2})]]),
        ("往回翻一层", [[("navigate", {"direction": "previous", "count": 1})], [("navigate", {"direction": "previous"})]]),
        ("往后十层", [[("navigate", {"direction": "next", "count": 10})]]),
        ("propagate", [[("propagate", {})]]),
        ("track it up and down", [[("propagate", {"direction": "both"})]]),
        ("push the segmentation to the slices below", [[("propagate", {"direction": "down"})]]),
        ("copy the mask to all the slices above", [[("propagate", {"direction": "up"})]]),
        ("run it through the whole volume in both directions", [[("propagate", {"direction": "both"})]]),
        ("把这层的掩膜推到其他层", [[("propagate", {})]]),
        ("向上传播到头", [[("propagate", {"direction": "up"})]]),
        ("双向推一下", [[("propagate", {"direction": "both"})]]),
        ("redo", [[("redo", {})]]),
        ("redo that twice", [[("redo", {"count": 2})]]),
        ("go forward one step in the history", [[("redo", {"count": 1})], [("redo", {})]]),
        ("重做", [[("redo", {})]]),
        ("重做两次", [[("redo", {"count": 2})]]),
        ("reverse my last action", [[("undo", {})], [("undo", {"count": 1})]]),
        ("undo everything back to the start", [[]]),
        ("回退一步操作", [[("undo", {"count": 1})]]),
        ("wipe out the boxes and the points please", [[("clear_boxes", {}), ("clear_points", {})]]),
        ("delete both the points and the mask", [[("clear_points", {}), ("clear_mask", {})]]),
        ("点、框、掩膜都清掉", [[("clear_points", {}), ("clear_boxes", {}), ("clear_mask", {})]]),
        ("remove L2's mask then put a box there", [[("clear_mask", {"regions": ["L2"]}), ("add_box", {})]]),
        (
            "box L1, L2 and L3, then box mask, then export",
            [[("add_box", {"regions": ["L1", "L2", "L3"]}), ("generate_box_mask", {}), ("export_mask", {})]],
        ),
        (
            "hide mask, lung window, axial",
            [[("show_mask", {"visible": False}), ("set_window", {"preset": "lung"}), ("set_view", {"plane": "axial"})]],
        ),
        ("get the GPU status before segmenting the spine", [[("gpu_status", {}), ("segment", {"regions": ["spine"]})]]),
        (
            "after the next slice, add a point at 4,5",
            [
                [("navigate", {"direction": "next"}), ("add_points", {"at": [[4, 5]]})],
                [("navigate", {"direction": "next"}), ("add_points", {"at": [[4, 5]], "count": 1})],
            ],
        ),
        ("instead of points use a box on T3", [[("add_box", {"regions": ["T3"]})]]),
        ("not L2 but L3: segment it", [[("segment", {"regions": ["L3"]})]]),
        ("segment C1 - no, C2", [[("segment", {"regions": ["C2"]})]]),
        ("add five, no, six points to L1", [[("add_points", {"count": 6, "regions": ["L1"]})]]),
        ("在L3加四个，不对，五个点", [[("add_points", {"count": 5, "regions": ["L3"]})]]),
        ("切到矢状位，呃不，冠状位", [[("set_view", {"plane": "coronal"})]]),
        ("先分割L5再测量再导出stl", [[("segment", {"regions": ["L5"]}), ("measure", {}), ("export_mask", {"format": "stl"})]]),
        ("分割前先清除掩膜", [[("clear_mask", {}), ("segment", {})], [("clear_mask", {}), ("generate_point_mask", {})]]),
        ("清空点以后再画框到T4", [[("clear_points", {}), ("add_box", {"regions": ["T4"]})]]),
        (
            "隐藏掩膜然后下一层再显示掩膜",
            [[("show_mask", {"visible": False}), ("navigate", {"direction": "next"}), ("show_mask", {"visible": True})]],
        ),
        ("can you undo that, it went into the canal", [[("undo", {})]]),
        ("could you hide it?", [[("show_mask", {"visible": False})]]),
        ("now hide it", [[("show_mask", {"visible": False})]]),
        ("next slice, then hide it", [[("navigate", {"direction": "next"}), ("show_mask", {"visible": False})]]),
        ("get rid of everything: image, prompts, masks please", [[("clear_image", {})]]),
        ("masks please", [[]]),
        ("mask please", [[("generate_point_mask", {})]]),
        (
            "put two points on T12 and two on L1 and then hide the mask",
            [
                [
                    ("add_points", {"count": 2, "regions": ["T12"]}),
                    ("add_points", {"count": 2, "regions": ["L1"]}),
                    ("show_mask", {"visible": False}),
                ]
            ],
        ),
        ("use the box I drew and then hide the mask", [[("generate_box_mask", {}), ("show_mask", {"visible": False})]]),
        ("请基于前景点和背景点做分割", [[("generate_point_mask", {})]]),
        ("segment L2 from the positive and negative points", [[("generate_point_mask", {"regions": ["L2"]})]]),
        ("用正点和负点分割腰3", [[("generate_point_mask", {"regions": ["L3"]})]]),
        (
            "在L3放两个正点和一个负点",
            [[("add_points", {"count": 2, "regions": ["L3"]}), ("add_points", {"count": 1, "regions": ["L3"], "label": "negative"})]],
        ),
        ("现在点好了，开始推理", [[("generate_point_mask", {})]]),
        ("点都好了，生成掩膜", [[("generate_point_mask", {})]]),
        ("框好了，分割吧", [[("generate_box_mask", {})]]),
        ("那框算了，L3放三个点", [[("add_points", {"count": 3, "regions": ["L3"]})]]),
        (
            "下一层，坐标是（210，88），加个正点",
            [
                [("navigate", {"direction": "next"}), ("add_points", {"at": [[210, 88]]})],
                [("navigate", {"direction": "next"}), ("add_points", {"at": [[210, 88]], "count": 1})],
            ],
        ),
        (
            "下一层，然后(45,66)这里是背景，加个负点",
            [
                [("navigate", {"direction": "next"}), ("add_points", {"at": [[45, 66]], "label": "negative"})],
                [("navigate", {"direction": "next"}), ("add_points", {"at": [[45, 66]], "label": "negative", "count": 1})],
            ],
        ),
        (
            "next slice, then 45,66 is the canal, add a negative point there",
            [[("navigate", {"direction": "next"}), ("add_points", {"at": [[45, 66]], "label": "negative"})]],
        ),
        ("撤销掉刚才的操作，谢谢", [[("undo", {})]]),
        ("要一个框在L5上，谢谢", [[("add_box", {"regions": ["L5"]})]]),
        ("窗宽缩到200，谢谢", [[("set_window", {"width": 200})]]),
        ("清除所有点，谢谢你", [[("clear_points", {})]]),
        ("不对，不是L3，框L4，谢谢", [[("add_box", {"regions": ["L4"]})]]),
        ("找到L4然后跳过去吧", [[("go_to", {"regions": ["L4"]})]]),
    ],
)
def test_plain_requests_in_other_words(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "the scan sits in \\\\pacs01\\export\\T12fx.nii.gz, get it on screen",
            [[("open_image", {"path": "\\\\pacs01\\export\\T12fx.nii.gz"})]],
        ),
        ("the CT is at /data/a/b.nii.gz, let me see it", [[("open_image", {"path": "/data/a/b.nii.gz"})]]),
        ("my scan is /data/a/b.nii.gz - please open it", [[("open_image", {"path": "/data/a/b.nii.gz"})]]),
        ("the file lives in D:\\ct\\9.nrrd, load it please", [[("open_image", {"path": "D:\\ct\\9.nrrd"})]]),
        ("片子在 D:\\病例\\9.nii.gz，打开看看", [[("open_image", {"path": "D:\\病例\\9.nii.gz"})]]),
        ("文件路径是 /data/a.nii.gz，载入一下", [[("open_image", {"path": "/data/a.nii.gz"})]]),
        ("图像放在 /mnt/ct/5.nrrd，帮我打开", [[("open_image", {"path": "/mnt/ct/5.nrrd"})]]),
        ("请保存掩膜到桌面/a.nii.gz", [[("export_mask", {"path": "桌面/a.nii.gz"})]]),
        ("帮我把掩膜导出到结果/b.stl", [[("export_mask", {"path": "结果/b.stl"})]]),
        ("然后存到 out/c.nrrd", [[("export_mask", {"path": "out/c.nrrd"})]]),
        ("打开桌面/a.nii.gz", [[("open_image", {"path": "桌面/a.nii.gz"})]]),
        ("请打开数据/ct1.nii.gz", [[("open_image", {"path": "数据/ct1.nii.gz"})]]),
    ],
)
def test_a_path_named_before(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("I am done with this patient, unload everything", [[("clear_image", {})]]),
        ("we're through with this one, close it", [[("clear_image", {})]]),
        ("that's it for this patient, close the case", [[("clear_image", {})]]),
        ("finished here, clear everything", [[("clear_image", {})]]),
        ("I'm finished with this case, please close it", [[("clear_image", {})]]),
        ("这个病人看完了，关闭病例", [[("clear_image", {})]]),
        ("这例做完了，全部清空吧", [[("clear_image", {})]]),
    ],
)
def test_done_with_a_case(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("根据标点出胸8的掩码", [[("generate_point_mask", {"regions": ["T8"]})]]),
        ("根据标点分割L3", [[("generate_point_mask", {"regions": ["L3"]})]]),
        ("按打点生成掩膜", [[("generate_point_mask", {})]]),
        ("用标点跑分割", [[("generate_point_mask", {})]]),
        ("按这些标记点出L2的掩膜", [[("generate_point_mask", {"regions": ["L2"]})]]),
        ("在L3标点", [[("add_points", {"regions": ["L3"]})]]),
    ],
)
def test_from_points_named_otherwise(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("瞅瞅下一层", [[("navigate", {"direction": "next"})]]),
        ("瞧瞧上一张", [[("navigate", {"direction": "previous"})]]),
        ("看看下一层", [[("navigate", {"direction": "next"})]]),
        ("查看后一张", [[("navigate", {"direction": "next"})]]),
        ("have a look at the previous slice", [[("navigate", {"direction": "previous"})]]),
        ("let me inspect the next image", [[("navigate", {"direction": "next"})]]),
    ],
)
def test_looking_at_the_next_one(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("segment L2, but before that check the GPU", [[("gpu_status", {}), ("segment", {"regions": ["L2"]})]]),
        ("segment L2, but check the GPU first", [[("gpu_status", {}), ("segment", {"regions": ["L2"]})]]),
        ("export the mask, but first measure it", [[("measure", {}), ("export_mask", {})]]),
        ("draw a box on T4, but before that clear the points", [[("clear_points", {}), ("add_box", {"regions": ["T4"]})]]),
        ("hide the mask. Before that, propagate it down", [[("propagate", {"direction": "down"}), ("show_mask", {"visible": False})]]),
        (
            "测量L3，不过先分割它",
            [[("segment", {"regions": ["L3"]}), ("measure", {"regions": ["L3"]})], [("segment", {}), ("measure", {"regions": ["L3"]})]],
        ),
        ("导出掩膜，但先测一下L2", [[("measure", {"regions": ["L2"]}), ("export_mask", {})]]),
        ("分割L2，但是先看看显卡", [[("gpu_status", {}), ("segment", {"regions": ["L2"]})]]),
    ],
)
def test_what_comes_first_is_said_last(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "Hi there :) whenever you have a sec, would you mind awfully showing me the next slice? ta!",
            [[("navigate", {"direction": "next"})]],
        ),
        ("hello :) could you possibly clear the boxes", [[("clear_boxes", {})]]),
        ("hey ;) segment L2 when you get a moment", [[("segment", {"regions": ["L2"]})]]),
        ("would you mind terribly hiding the mask?", [[("show_mask", {"visible": False})]]),
        ("undo please :)", [[("undo", {})]]),
        ("grafics card staus pls", [[("gpu_status", {})]]),
        ("grafics card info", [[("gpu_status", {})]]),
        ("gpu staus", [[("gpu_status", {})]]),
        ("umm so, like, can you uh… clear the, the boxes", [[("clear_boxes", {})]]),
        ("er, add... add three points to to L2", [[("add_points", {"count": 3, "regions": ["L2"]})]]),
        ("go to the the last slice", [[("go_to", {"position": "last"})]]),
        ("um, the, the mask, hide it", [[("show_mask", {"visible": False})]]),
        ("嗯那个……上一层吧", [[("navigate", {"direction": "previous"})]]),
        ("呃，这个，把掩膜隐藏一下", [[("show_mask", {"visible": False})]]),
        ("那个那个，撤销吧", [[("undo", {})]]),
        ("嗯……分割L3", [[("segment", {"regions": ["L3"]})]]),
        ("就是……给L2加三个点", [[("add_points", {"count": 3, "regions": ["L2"]})]]),
    ],
)
def test_hesitation(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("the points are set, segment L5 from them", [[("generate_point_mask", {"regions": ["L5"]})]]),
        ("the boxes are drawn, segment T2 with them", [[("generate_box_mask", {"regions": ["T2"]})]]),
        ("my points are on L3, segment L3 using them", [[("generate_point_mask", {"regions": ["L3"]})]]),
        ("点都打好了，用它们分割L5", [[("generate_point_mask", {"regions": ["L5"]})]]),
        ("框画好了，根据这些分割L2", [[("generate_box_mask", {"regions": ["L2"]})]]),
    ],
)
def test_from_those_that_were_named(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("send the mask up the stack", [[("propagate", {"direction": "up"})]]),
        ("push the mask down the stack", [[("propagate", {"direction": "down"})]]),
        ("carry the segmentation up the volume", [[("propagate", {"direction": "up"})]]),
        ("propagate up the stack", [[("propagate", {"direction": "up"})]]),
        ("掩膜向头侧和足侧都传播", [[("propagate", {"direction": "both"})]]),
        ("往脚侧和头侧同时传播掩膜", [[("propagate", {"direction": "both"})]]),
        ("向足端和颅端延伸掩膜", [[("propagate", {"direction": "both"})]]),
        ("掩膜往上和往下都传", [[("propagate", {"direction": "both"})]]),
        ("掩膜向上向下都推一推", [[("propagate", {"direction": "both"})]]),
        ("propagate to the head and to the feet", [[("propagate", {"direction": "both"})]]),
        ("propagate the mask toward the head and toward the feet", [[("propagate", {"direction": "both"})]]),
    ],
)
def test_both_ways_however_said(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    "text",
    [
        "Hello, the points look fine.",
        "Hi all, the masks are done.",
        "Good morning, the boxes on L3 are too small.",
        "Sorry for the delay, I exported the mask late.",
        "Sorry, the export failed.",
        "Thanks for the box on L4.",
        "thanks, the mask is fine",
        "many thanks for clearing the points",
        "the points were cleared, thanks",
        "done with this patient",
        "we're done here",
        "I'm finished with the points",
        "all done for today",
        "I'm through with this software",
        "这个病人看完了",
        "做完了，谢谢",
        "掩膜保存好了，谢谢",
        "您好，掩膜已经导出了",
        "辛苦了，框画得很准",
        "谢谢，点打得很好",
        "打扰了，我就看看",
        "the scan is in /data/a.nii.gz",
        "the mask was saved to /out/m.nii.gz",
        "my files are under D:\\ct",
        "片子放在 /data/a.nii.gz 了",
        "掩膜存在 D:\\out\\m.nii.gz 里了",
        "(30, 40) is bone",
        "(30,40)这里是肋骨",
        "the canal is at 120, 88",
        "the coordinates are 10, 20",
        "never press Ctrl-Z twice",
        "Ctrl-Z does not work here",
        "don't hit ctrl+z",
        "ctrl+z没反应",
        "别按ctrl+z",
        "axial, sagittal and coronal are the three planes",
        "axial, sagittal and coronal views were reviewed",
        "轴位、矢状位、冠状位都看过了",
        "轴位矢状位冠状位图像质量良好",
        "three planes were reconstructed",
        "L3 was segmented from the points",
        "the mask came off the screen",
        "nothing shows up on the screen",
        "the screen is dirty",
        "屏幕上有灰",
        "T12 height 24 mm, normal",
        "L1 mean HU 145, normal",
        "L1 HU值120，正常",
        "测得L2体积32立方厘米",
        "是否需要手术",
        "是否撤销",
        "撤不撤销",
        "要不要导出",
        "删不删框",
        "导不导出都行",
        "画不画框无所谓",
        "点不点都一样",
        "the weights match",
        "权重已经验证过了",
        "the checkpoint matched last week",
        "the GPU is fine",
        "the GPU and the weights are fine",
        "显卡没问题，权重也没问题",
        "the labels are T11 and T12",
        "T11 was the label yesterday",
        "new masks look better than old ones",
        "masks from now on must be worn",
        "从现在起戴口罩",
        "take me to the station",
        "take me to lunch",
        "带我去食堂",
        "带我看看病房",
        "带我去手术室",
        "show me your badge",
        "show me the door",
        "let me see your results from last year",
        "瞅瞅天气",
        "瞧瞧你干的好事",
        "看看下一位病人",
        "check the next patient",
        "see the next patient please",
        "but before that, lunch",
        "but first, coffee",
        "不过先吃饭",
        "把病人转过去",
        "跳过去吧，这个会议不重要",
        "再来一杯",
        "再来三个病人",
        "给我来张发票",
        "来张合影",
        "换张床",
        "换一张纸",
        "来个医生",
        "打开一扇窗",
        "开个会",
        "load shedding starts at 8",
        "open a bank account",
        "open another bottle",
        "pick a restaurant",
        "标前准备",
        "第三成本",
        "撤销部门",
        "退三部手机",
        "下一章讲脊柱",
        "翻到教材第三章",
        "在L3附近有个店",
        "加个店铺",
        "could you put the patient back to bed",
        "put the books back",
        "send the patient down",
        "send the nurse up",
        "send the mask to Dr. Lee",
        "use the stairs",
        "use the other monitor",
        "use the GPU room",
        "take the chair away",
        "wipe the screen, it is dusty",
        "clean the monitor",
        "clear the desk",
        "empty the trash",
        "clear your schedule",
        "reset the router",
        "restart the heart monitor",
        "close the blinds",
        "shut the door behind you",
        "draw blood",
        "draw the curtains",
        "frame the photo",
        "box up the old monitors",
        "mark the calendar",
        "seed funding was approved",
        "point out the fracture to the students",
        "place an order for contrast agent",
        "put in a chest drain",
        "insert a catheter",
        "segment reporting is due",
        "label the specimen",
        "label the tubes please",
        "measure the blood pressure",
        "measure the temperature",
        "export taxes",
        "save the date",
        "save some cake for me",
        "save energy",
        "hide and seek",
        "show some respect",
        "undo the bandage",
        "redo the dressing",
        "redo the CT with contrast",
        "go to bed",
        "go to the ward",
        "go to theatre 3",
        "go home",
        "next week then",
        "previous history unremarkable",
        "next of kin informed",
        "propagate the rumour",
        "spread the word",
        "verify the patient's identity",
        "check the ID band",
        "check the drip",
        "verify the blood group",
        "run some tests",
        "generate a report",
        "make a note",
        "make an appointment",
        "量一下血压",
        "测一下体温",
        "量体重",
        "打点滴",
        "打个点滴",
        "给病人打点滴",
        "点滴快完了",
        "画个圈让他签名",
        "贴个标签在试管上",
        "导尿",
        "导出引流液",
        "清创",
        "清洁伤口",
        "清点器械",
        "清点一下人数",
        "打开引流管",
        "关闭伤口",
        "撤销医嘱",
        "重做心电图",
        "分割一下蛋糕",
        "加三个点心",
        "加两个床位",
        "放几个枕头",
        "翻到背面",
        "转到普通病房",
        "跳过早餐",
        "去第三手术室",
        "去三楼",
        "到第五诊室",
        "下一站",
        "上一个病人",
        "前一位患者",
        "保存体力",
        "隐藏病情",
        "显示屏坏了",
        "验证身份",
        "检查血糖",
        "检查瞳孔",
        "标记手术部位",
        "定位穿刺点",
        "the mask and the box are good",
        "points and boxes look right",
        "the points and the box are where they should be",
        "框和点都对",
        "掩膜和框都没问题",
    ],
)
def test_ward_talk_in_our_words(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("draw abox around T4", [[("add_box", {"regions": ["T4"]})]]),
        ("put apoint on L3", [[("add_points", {"regions": ["L3"], "count": 1})], [("add_points", {"regions": ["L3"]})]]),
        ("hide themask", [[("show_mask", {"visible": False})]]),
        ("go to themiddle slice", [[("go_to", {"position": "middle"})]]),
        ("add two points onthe sacrum", [[("add_points", {"count": 2, "regions": ["sacrum"]})]]),
        ("clear thepoints and theboxes", [[("clear_points", {}), ("clear_boxes", {})]]),
        ("box aroundthe coccyx", [[("add_box", {"regions": ["coccyx"]})]]),
    ],
)
def test_glued_articles(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    "text",
    [
        "Technique: axial images with sagittal and coronal reformats, bone and soft tissue windows.",
        "Technique: helical CT, axial and coronal reconstructions",
        "Comparison: CT of L3, previous images not available",
        "Indication: back pain, rule out fracture of T12",
        "Procedure: points were placed, mask generated, volume measured.",
        "Recommendation: measure L1 again in six months",
        "Conclusion: undo nothing, L3 is stable",
        "检查技术：轴位扫描，矢状位、冠状位重建，骨窗及软组织窗观察。",
        "扫描方法：横断面薄层扫描，三维重建",
        "建议：三个月后复查，测量L1高度",
        "影像所见：L2椎体楔形变，骨窗示骨皮质中断",
        "axial and coronal reformats in bone and soft tissue windows were reviewed",
        "行轴位扫描，矢状位及冠状位重建",
        "sagittal and 3D views were reviewed",
        "the points and the box were placed yesterday",
        "bone and lung windows are included",
    ],
)
def test_headings_of_a_report(text: str) -> None:
    assert understood(text) == []


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("I cleared the points, thanks", [[]]),
        ("segmented L3, thanks", [[]]),
        ("export done, thanks", [[]]),
        ("you cleared the points, thanks", [[]]),
        ("thanks for segmenting L3, thanks", [[]]),
        ("点已经清除了，谢谢", [[]]),
        ("你把点删了，谢谢", [[]]),
        ("谢谢你帮我画框，谢谢", [[]]),
        ("掩膜导出成功了，多谢", [[]]),
        ("L3分割好了，谢谢", [[]]),
        ("框画完了，谢谢", [[]]),
        ("不用画框了，谢谢", [[]]),
        ("不用了，谢谢", [[]]),
        ("no thanks", [[]]),
        ("no boxes, thanks", [[]]),
        ("no need to export, thanks", [[]]),
        ("Hi, I cleared the points.", [[]]),
        ("Good morning, Tom cleared the boxes.", [[]]),
        ("I hope the mask is right, could be better though.", [[]]),
        ("I hope you can clear the points tomorrow, please remember", [[]]),
        ("sorry for clearing the points", [[]]),
        ("Sorry to bother you, is L3 fractured?", [[]]),
        ("您好，L3骨折了吗", [[]]),
        ("不好意思，我把点删了", [[]]),
        ("打扰一下，请问主任在吗", [[]]),
        ("辛苦了，请早点休息", [[]]),
        ("能不能麻烦您叫一下护士", [[]]),
        ("请问能不能麻烦您把病人推过来", [[]]),
        ("请把灯关掉，谢谢", [[]]),
        ("麻烦把窗户打开，谢谢", [[]]),
        ("Could you open the window please? It's hot.", [[]]),
        ("finished with the points", [[]]),
        ("done with this case, thanks", [[]]),
        ("I'm done with the boxes, they look good", [[]]),
        ("the masks are now fine", [[]]),
        ("masks are now mandatory in the ward", [[]]),
        ("take the mask off", [[("show_mask", {"visible": False})], [("clear_mask", {})], []]),
        ("take your mask off", [[]]),
        ("take off the mask, you can breathe", [[], [("show_mask", {"visible": False})], [("clear_mask", {})]]),
        ("please take the mask off your face", [[]]),
        ("把口罩摘下来", [[]]),
        ("把掩膜从病人脸上拿掉", [[], [("show_mask", {"visible": False})]]),
        ("axial, coronal and sagittal T2 sequences", [[]]),
        ("head to toe exam", [[]]),
        ("从头到脚检查", [[]]),
        ("从头到脚都痛", [[]]),
        ("头和脚都冷", [[]]),
        ("the segmentation is finished", [[]]),
        ("propagation complete.", [[]]),
        ("put on your mask please", [[]]),
        ("export done, now clear the boxes", [[("clear_boxes", {})]]),
    ],
)
def test_remarks_stay_remarks_beside_courtesies(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "two positive and three negative points on L1",
            [[("add_points", {"count": 2, "regions": ["L1"]}), ("add_points", {"count": 3, "regions": ["L1"], "label": "negative"})]],
        ),
        (
            "one foreground and two background points on T4",
            [[("add_points", {"count": 1, "regions": ["T4"]}), ("add_points", {"count": 2, "regions": ["T4"], "label": "negative"})]],
        ),
        (
            "L1上两个正点三个负点",
            [
                [("add_points", {"count": 2, "regions": ["L1"]}), ("add_points", {"count": 3, "regions": ["L1"], "label": "negative"})],
                [("add_points", {"count": 2, "regions": ["L1"]}), ("add_points", {"count": 3, "label": "negative"})],
            ],
        ),
    ],
)
def test_both_sorts_of_points_share_their_place(text: str, accepted: list[Calls]) -> None:
    assert understood(text) in accepted


def _changed(commands: list[str], say: Callable[[str], str]) -> list[str]:
    """The commands that are read otherwise when they are said like this."""
    return [text for text in commands if understood(say(text)) != understood(text)]


@pytest.mark.parametrize("ending", [".", "!", "。", "！", ", thanks", " please", "，谢谢", "，谢谢你"])
def test_a_full_stop_and_thanks_change_nothing(ending: str) -> None:
    chinese = not ending.isascii()
    commands = [
        sentence.text
        for sentence in read_sentences(OWN)[::5]
        if not sentence.asks_nothing and sentence.language == ("zh" if chinese else "en") and sentence.text[-1].isalnum()
    ]
    assert len(commands) > 80
    changed = _changed(commands, lambda text: text + ending)
    assert len(changed) / len(commands) <= 0.02, changed


@pytest.mark.parametrize("opening", ["Hi, ", "ok, ", "你好，"])
def test_a_greeting_changes_nothing(opening: str) -> None:
    chinese = not opening.isascii()
    commands = [
        sentence.text
        for sentence in read_sentences(OWN)[::5]
        if not sentence.asks_nothing and sentence.language == ("zh" if chinese else "en")
    ]
    changed = _changed(commands, lambda text: opening + text)
    assert len(changed) / len(commands) <= 0.02, changed
