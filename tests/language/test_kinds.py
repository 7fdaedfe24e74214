"""Kinds of sentences that people who had not seen the grammar wrote and that once were read wrong, each with its neighbours: other verbs,
levels, orders and the other language.
"""

from __future__ import annotations

import pytest

from tests.language.hearing import Calls, understood


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
        (
            "在(30,40)加个负点，这里漏到肋骨了",
            [
                [("add_points", {"label": "negative", "at": [[30, 40]]})],
                [("add_points", {"label": "negative", "at": [[30, 40]], "count": 1})],
            ],
        ),
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
