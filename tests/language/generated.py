"""Sentences made from lists of phrases and frames, each with the calls that it must give. Used by the tests, never by the parser."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

Calls = list[dict[str, Any]]

REGIONS_EN: list[tuple[str, list[str]]] = [
    ("L3", ["L3"]), ("l4", ["L4"]), ("T12", ["T12"]), ("C2", ["C2"]), ("D11", ["T11"]), ("S1", ["sacrum"]), ("the sacrum", ["sacrum"]), ("L 5", ["L5"]),
    ("the third lumbar vertebra", ["L3"]), ("the seventh cervical vertebra", ["C7"]), ("the 11th thoracic vertebra", ["T11"]), ("thoracic vertebra 4", ["T4"]),
    ("vertebra L2", ["L2"]), ("the L1 vertebral body", ["L1"]), ("the coccyx", ["coccyx"]), ("the atlas", ["C1"]), ("L1 to L3", ["L1", "L2", "L3"]),
    ("L1-L3", ["L1", "L2", "L3"]), ("T11-L1", ["T11", "T12", "L1"]), ("T5 through T7", ["T5", "T6", "T7"]), ("L4 and L5", ["L4", "L5"]),
    ("L5-S1", ["L5", "sacrum"]), ("L2, L3 and L4", ["L2", "L3", "L4"]), ("C5/C6", ["C5", "C6"]), ("the lumbar spine", ["lumbar"]), ("the cervical spine", ["cervical"]),
    ("the thoracic vertebrae", ["thoracic"]), ("the whole spine", ["spine"]), ("T13", ["T13"]), ("L6", ["L6"]), ("L3-L1", ["L3", "L2", "L1"]), ("the os sacrum", ["sacrum"]),
]  # fmt: skip
REGIONS_ZH: list[tuple[str, list[str]]] = [
    ("L3", ["L3"]), ("腰3", ["L3"]), ("第三腰椎", ["L3"]), ("腰三", ["L3"]), ("胸12", ["T12"]), ("第七颈椎", ["C7"]), ("颈二", ["C2"]), ("骶骨", ["sacrum"]), ("骶1", ["sacrum"]),
    ("尾骨", ["coccyx"]), ("腰椎", ["lumbar"]), ("颈椎", ["cervical"]), ("胸椎", ["thoracic"]), ("整个脊柱", ["spine"]), ("L1到L3", ["L1", "L2", "L3"]), ("腰1至腰3", ["L1", "L2", "L3"]),
    ("L4和L5", ["L4", "L5"]), ("胸11-腰1", ["T11", "T12", "L1"]), ("T4、T5", ["T4", "T5"]), ("L5椎体", ["L5"]), ("第四腰椎椎体", ["L4"]), ("寰椎", ["C1"]), ("腰5到骶1", ["L5", "sacrum"]),
]  # fmt: skip
COUNTS_EN = [
    ("two", 2),
    ("3", 3),
    ("seven", 7),
    ("a dozen", 12),
    ("a couple of", 2),
    ("fifteen", 15),
    ("twenty-one", 21),
    ("half a dozen", 6),
]
COUNTS_ZH = [("两个", 2), ("3个", 3), ("七个", 7), ("十二个", 12), ("二十个", 20), ("仨", 3), ("一打", 12), ("十五个", 15)]
FRAMES_EN = ["{}", "please {}", "could you {}?", "I want you to {}", "{}, please", "ok now {}", "can you please {} for me", "let's {}", "go ahead and {}", "{} now", "would you mind and {}" if False else "kindly {}"]  # fmt: skip
FRAMES_ZH = ["{}", "请{}", "帮我{}", "麻烦{}一下" if False else "麻烦{}", "{}，谢谢", "现在{}", "能不能{}", "好的，{}", "我想{}", "{}吧"]

ADD_EN = ["add {n} points to {r}", "place {n} points on {r}", "put {n} points on {r}", "drop {n} seeds in {r}", "{n} points on {r}", "mark {r} with {n} points", "set {n} clicks on {r}",
          "insert {n} point prompts into {r}", "{r}: {n} points", "{r} needs {n} points", "give {r} {n} points"]  # fmt: skip
ADD_ZH = [
    "在{r}加{n}点",
    "给{r}放{n}点",
    "{r}加{n}点",
    "{r}上打{n}点",
    "往{r}撒{n}点",
    "{n}点放在{r}",
    "在{r}上标{n}点",
    "{r}需要{n}点",
    "添加{n}点到{r}",
]
ONE_REGION: dict[str, tuple[list[str], list[str]]] = {
    "add_box": (
        ["draw a box around {r}", "add a box on {r}", "box {r}", "put a bounding box around {r}", "frame {r}", "a rectangle around {r}", "place a rectangle over {r}", "enclose {r} in a box",
         "{r} needs a box", "make a box for {r}", "I need a box around {r}"],
        ["框住{r}", "在{r}画个框", "给{r}加一个框", "用矩形圈住{r}", "{r}画框", "框选{r}", "把{r}框起来", "给{r}套个框", "在{r}上画一个矩形"],
    ),
    "segment": (
        ["segment {r}", "find {r} and segment it", "auto-segment {r}", "extract {r}", "delineate {r}", "segment {r} automatically", "run automatic segmentation of {r}", "generate {r}",
         "outline {r} automatically", "I need a mask of {r}", "get me a segmentation of {r}"],
        ["分割{r}", "自动分割{r}", "把{r}分割出来", "勾画{r}", "提取{r}", "自动勾画{r}", "把{r}勾出来", "识别{r}", "对{r}做自动分割"],
    ),
    "measure": (
        ["measure {r}", "what is the volume of {r}", "how big is {r}", "give me the size of {r}", "report the mean HU of {r}", "compute the volume of {r}", "quantify {r}"],
        ["测量{r}", "{r}的体积是多少", "量一下{r}", "{r}有多大", "计算{r}的平均HU", "算算{r}的体积", "{r}的尺寸"],
    ),
    "clear_mask": (
        ["clear the mask of {r}", "delete the {r} mask", "remove the segmentation of {r}", "erase the mask on {r}", "get rid of the mask for {r}", "throw away the {r} segmentation"],
        ["清除{r}的掩膜", "删掉{r}的掩膜", "把{r}的掩膜删了", "去掉{r}的分割结果", "{r}的掩膜不要了"],
    ),
    "generate_point_mask": (
        ["generate the point mask for {r}", "segment {r} from the points", "use the points to segment {r}", "make the mask of {r} from the points", "point mask of {r}", "run point segmentation on {r}"],
        ["用点分割{r}", "根据点生成{r}的掩膜", "由点推出{r}的掩膜", "用这些点生成{r}掩膜", "{r}的点掩膜"],
    ),
    "generate_box_mask": (
        ["generate the box mask for {r}", "segment {r} from the box", "use the box to segment {r}", "make the mask of {r} from the box", "box mask of {r}", "run box segmentation on {r}"],
        ["用框分割{r}", "根据框生成{r}的掩膜", "由框推出{r}的掩膜", "用这个框生成{r}掩膜", "{r}的框掩膜"],
    ),
}  # fmt: skip
SINGLE_REGION: dict[str, tuple[list[str], list[str]]] = {
    "go_to": (
        ["go to {r}", "jump to {r}", "take me to {r}", "show me {r}", "navigate to {r}", "scroll to {r}", "move to the level of {r}"],
        ["跳到{r}", "转到{r}", "定位到{r}", "带我去{r}", "去{r}", "让我看看{r}"],
    ),
    "set_label": (
        ["set the label to {r}", "label new masks {r}", "use {r} as the label", "change the label to {r}", "the next masks are {r}", "call the new mask {r}", "label: {r}"],
        ["标签设为{r}", "把标签改成{r}", "新掩膜标为{r}", "之后的掩膜标签用{r}", "标签用{r}", "接下来标{r}" if False else "标签选{r}"],
    ),
}  # fmt: skip
PLAIN: list[tuple[Calls, list[str], list[str]]] = [
    ([{"op": "clear_points", "args": {}}], ["clear the points", "delete all points", "remove every point", "erase my points", "get rid of the points", "wipe the seeds"],
     ["清除点", "删掉所有点", "把点都清掉", "清空标记点", "点全部删除", "去掉提示点"]),
    ([{"op": "clear_boxes", "args": {}}], ["clear the boxes", "delete all boxes", "remove the bounding boxes", "erase the rectangle", "get rid of the box"],
     ["清除框", "删掉所有框", "把框都清掉", "去掉矩形", "框全部删除"]),
    ([{"op": "clear_image", "args": {}}], ["clear everything", "reset everything", "start over", "close the case", "clear all data"], ["清空", "全部清空", "重新开始", "关闭病例", "清空所有数据"]),
    ([{"op": "clear_mask", "args": {}}], ["clear the mask", "delete the segmentation", "remove the mask", "erase all masks"], ["清除掩膜", "删掉掩膜", "把分割结果删了", "掩膜全部清除"]),
    ([{"op": "gpu_status", "args": {}}], ["check the GPU", "show the GPU status", "tell me if CUDA is available", "report the state of the graphics card"], ["查看GPU状态", "检查显卡", "看看GPU能不能用", "显卡状态"]),
    ([{"op": "verify_parameters", "args": {}}], ["verify the parameters", "check that the weights match the model", "verify parameter matching", "make sure the checkpoint fits the network"],
     ["验证参数匹配", "检查权重和模型是否匹配", "核对模型参数", "验证权重"]),
    ([{"op": "propagate", "args": {"direction": "up"}}], ["propagate the mask up", "extend the mask toward the head", "carry the mask cranially", "propagate upward"], ["向上传播掩膜", "把掩膜往头侧传播", "掩膜向上延伸", "朝头端传播"]),
    ([{"op": "propagate", "args": {"direction": "down"}}], ["propagate the mask down", "extend the mask toward the feet", "carry the mask caudally", "propagate downward"], ["向下传播掩膜", "把掩膜往足侧传播", "掩膜向下延伸", "朝足端传播"]),
    ([{"op": "propagate", "args": {"direction": "both"}}], ["propagate the mask in both directions", "propagate both ways", "extend the mask up and down"], ["双向传播掩膜", "掩膜上下传播", "向两个方向传播掩膜"]),
    ([{"op": "show_mask", "args": {"visible": False}}], ["hide the mask", "turn the mask off", "make the mask invisible", "switch off the overlay", "conceal the segmentation"], ["隐藏掩膜", "关闭掩膜显示", "把掩膜藏起来", "不显示掩膜"]),
    ([{"op": "show_mask", "args": {"visible": True}}], ["show the mask", "turn the mask on", "make the mask visible", "switch on the overlay", "display the segmentation"], ["显示掩膜", "打开掩膜显示", "把掩膜显示出来", "恢复掩膜显示"]),
    ([{"op": "set_view", "args": {"plane": "axial"}}], ["switch to the axial view", "show the axial plane", "go to axial"], ["切换到轴位", "看横断面", "换成轴状位"]),
    ([{"op": "set_view", "args": {"plane": "sagittal"}}], ["switch to the sagittal view", "show the sagittal plane", "use the sagittal plane"], ["切换到矢状位", "看矢状面", "换成矢状位"]),
    ([{"op": "set_view", "args": {"plane": "coronal"}}], ["switch to the coronal view", "show the coronal plane", "change to coronal"], ["切换到冠状位", "看冠状面", "换成冠状位"]),
    ([{"op": "set_view", "args": {"plane": "mpr"}}], ["switch to the mpr view", "show all three planes", "use multiplanar view"], ["切换到三平面", "看MPR", "换成三视图"]),
    ([{"op": "set_view", "args": {"plane": "3d"}}], ["switch to the 3D view", "show it in 3D", "use the three-dimensional view"], ["切换到三维", "看3D", "换成立体视图"]),
    ([{"op": "set_window", "args": {"preset": "bone"}}], ["use the bone window", "switch to bone window", "set the window to bone"], ["用骨窗", "切换到骨窗", "换成骨窗"]),
    ([{"op": "set_window", "args": {"preset": "soft_tissue"}}], ["use the soft tissue window", "switch to soft tissue window", "set the window to soft tissue"], ["用软组织窗", "切换到软组织窗"]),
    ([{"op": "set_window", "args": {"preset": "lung"}}], ["use the lung window", "switch to lung window"], ["用肺窗", "切换到肺窗"]),
    ([{"op": "set_window", "args": {"level": 40, "width": 400}}], ["set the level to 40 and the width to 400", "window level 40 width 400", "set the window width to 400 and the level to 40", "WL 40 WW 400"],
     ["窗位40窗宽400", "把窗宽设为400，窗位设为40", "窗宽400窗位40"]),
    ([{"op": "undo", "args": {}}], ["undo", "undo the last step", "undo that", "revert the last change"], ["撤销", "撤回", "撤销刚才的操作"]),
    ([{"op": "undo", "args": {"count": 3}}], ["undo three steps", "undo the last 3 steps", "take back three steps", "undo 3 times"], ["撤销三步", "撤回3步", "回退三步"]),
    ([{"op": "redo", "args": {"count": 2}}], ["redo two steps", "redo the last 2 steps", "redo twice"], ["重做两步", "重做2步", "恢复两步"]),
    ([{"op": "export_mask", "args": {"format": "nrrd"}}], ["export the mask as nrrd", "save the mask as NRRD", "write the segmentation in nrrd format"], ["导出为nrrd", "把掩膜存成nrrd格式", "保存为NRRD"]),
    ([{"op": "export_mask", "args": {"format": "stl"}}], ["export the mask as stl", "save an STL of the mask", "export to STL"], ["导出STL", "把掩膜存成stl", "保存为STL格式"]),
    ([{"op": "export_mask", "args": {"path": "/tmp/out/m 1.nii.gz"}}], ["save the mask to '/tmp/out/m 1.nii.gz'", "export the mask to \"/tmp/out/m 1.nii.gz\""], ["把掩膜保存到'/tmp/out/m 1.nii.gz'", "导出掩膜到“/tmp/out/m 1.nii.gz”"]),
    ([{"op": "open_image", "args": {"path": "/data/ct/a b.nii.gz"}}], ["open '/data/ct/a b.nii.gz'", "load the file '/data/ct/a b.nii.gz'", "read the image \"/data/ct/a b.nii.gz\""], ["打开'/data/ct/a b.nii.gz'", "加载“/data/ct/a b.nii.gz”", "读取影像'/data/ct/a b.nii.gz'"]),
    ([{"op": "open_image", "args": {}}], ["open an image", "load a new image", "choose a CT file", "import a scan"], ["打开图像", "加载影像", "选择一个文件打开", "导入CT"]),
    ([{"op": "go_to", "args": {"slice": 57}}], ["go to slice 57", "jump to slice number 57", "show slice 57", "take me to the 57th slice"], ["跳到第57层", "转到第57张", "看第57层", "到第五十七层"]),
    ([{"op": "go_to", "args": {"position": "last"}}], ["go to the last slice", "jump to the final slice", "show the last slice"], ["跳到最后一层", "转到最后一张", "去最后一层"]),
    ([{"op": "go_to", "args": {"position": "middle"}}], ["go to the middle slice", "jump to the middle of the stack", "show the central slice"], ["跳到中间层", "转到中间一层", "去正中间的层面"]),
    ([{"op": "navigate", "args": {"direction": "next", "count": 4}}], ["go four slices forward", "move forward 4 slices", "advance four slices", "next four slices", "skip ahead 4 slices"], ["往后翻四层", "前进4层", "下翻四张", "向后四层"]),
    ([{"op": "navigate", "args": {"direction": "previous", "count": 4}}], ["go back four slices", "move back 4 slices", "go four slices back", "previous four slices"], ["往前翻四层", "后退4层", "上翻四张", "退回四层"]),
    ([{"op": "navigate", "args": {"direction": "next"}}], ["next slice", "go to the next slice", "show the next image"], ["下一层", "看下一张", "翻到下一层"]),
    ([{"op": "navigate", "args": {"direction": "previous"}}], ["previous slice", "go to the previous slice", "show the previous image"], ["上一层", "看上一张", "翻到上一层"]),
    ([{"op": "generate_point_mask", "args": {}}], ["generate the point mask", "run the model on the points", "segment using the points", "make a mask from the points"], ["生成点掩膜", "用点生成掩膜", "根据点做分割", "点分割"]),
    ([{"op": "generate_box_mask", "args": {}}], ["generate the box mask", "run the model on the box", "segment using the box", "make a mask from the box"], ["生成框掩膜", "用框生成掩膜", "根据框做分割", "框分割"]),
    ([{"op": "add_points", "args": {"at": [[120, 88]]}}], ["add a point at (120, 88)" if False else "point at (120, 88)", "put points at 120, 88"], ["在(120, 88)加点", "(120,88)放点"]),
    ([{"op": "add_points", "args": {"label": "negative", "at": [[120, 88]]}}], ["negative point at (120, 88)", "(120, 88) is background", "mark 120,88 as background"], ["在(120,88)加背景点", "(120,88)标成背景点"]),
    ([{"op": "add_box", "args": {"corners": [10, 20, 110, 130]}}], ["draw a box from (10, 20) to (110, 130)", "add a box with corners 10,20,110,130", "box from 10,20 to 110,130", "place a rectangle at [10, 20, 110, 130]"],
     ["从(10,20)到(110,130)画框", "画框，坐标10,20,110,130", "加框(10,20)，(110,130)"]),
]  # fmt: skip
QUESTIONS = ("what is", "how big", "is ", "{r} needs", "negative", "(120", "I need", "WL")


def generated(seed: int, many: int) -> Iterator[tuple[str, Calls]]:
    """`many` sentences with their calls, the same for the same seed."""
    everything = list(_all())
    yield from random.Random(seed).sample(everything, min(many, len(everything)))


def _all() -> Iterator[tuple[str, Calls]]:
    for text, calls in _requests():
        english = text.isascii()
        for frame in FRAMES_EN if english else FRAMES_ZH:
            if frame == "{}" or _may_be_framed(text, frame, english):
                yield frame.format(text), calls


def _may_be_framed(text: str, frame: str, english: bool) -> bool:
    """Only commands fit into 'could you ...'."""
    if not english:
        return text[0] in "加添删去清生用根由自动分勾提识测量计算跳转定切看换打导保读选框把往向撤重隐显" and not text.startswith(
            ("由", "算算")
        )
    verbs = "add place put drop mark set insert give draw box frame enclose make segment find extract delineate run generate outline get measure report compute quantify clear delete remove erase throw use go jump take show navigate scroll move label change call wipe reset start close check tell verify propagate extend carry hide turn switch conceal display undo revert redo export save write open load read choose import advance skip auto-segment"
    return text.split()[0] in verbs.split() and (
        frame in ("please {}", "{}, please", "could you {}?", "ok now {}") or not text.startswith("box")
    )


def _requests() -> Iterator[tuple[str, Calls]]:
    for regions, counts, frames in ((REGIONS_EN, COUNTS_EN, ADD_EN), (REGIONS_ZH, COUNTS_ZH, ADD_ZH)):
        for (r, names), (n, count), frame in itertools.product(regions, counts, frames):
            yield frame.format(r=r, n=n), [{"op": "add_points", "args": {"count": count, "regions": names}}]
    for op, frames_by_language in (*ONE_REGION.items(), *SINGLE_REGION.items()):
        for regions, frames in zip((REGIONS_EN, REGIONS_ZH), frames_by_language, strict=True):
            for (r, names), frame in itertools.product(regions, frames):
                if op in ONE_REGION or len(names) == 1:
                    yield frame.format(r=r), [{"op": op, "args": {"regions": names}}]
    for calls, english, chinese in PLAIN:
        for text in (*english, *chinese):
            yield text, calls


NOTHING_EN = ["don't {}", "do not {} yet", "please don't {}", "never {}", "you should not {}", "there's no need to {}", "why did you {}?", "should I {}?", "my colleague wants to {}",
              "Dr. Lee asked me to {}", "I was told to {}", "we used to {}", "I will {} tomorrow", "what happens if I {}?", "he said to {}", "remind me to {} tomorrow", "I forgot to {}",
              "the manual says to {}", "is it safe to {}?", "it is too early to {}", "I'm not sure whether to {}", "nobody asked you to {}", "I'd rather not {}", "don't you dare {}",
              "please do not {} before I say so", "she always forgets to {}", "is it necessary to {}?", "the protocol tells us to {}", "I don't want you to {}", "no need to {} now",
              "we decided not to {}", "you must never {}", "hold on, don't {}", "the radiologist will {} later", "did you {}?", "has anyone tried to {}?", "could it be dangerous to {}?"]  # fmt: skip
NOTHING_ZH = ["不要{}", "先别{}", "暂时不用{}", "千万别{}", "没让你{}", "主任说要{}", "要不要{}？", "该不该{}？", "为什么要{}？", "明天再{}", "等会儿再{}", "教程里说先{}", "没必要{}",
              "他刚才说{}", "我不想{}", "请勿{}", "现在还不能{}", "同事建议{}", "老师让我{}", "是不是应该{}？", "我昨天忘了{}", "谁让你{}的", "以后再{}", "别急着{}", "下次再{}吧"]  # fmt: skip
HELP_EN = [
    "how do I {}?",
    "how can I {}",
    "how to {}?",
    "can you explain how to {}?",
    "show me how to {}",
    "what is the command to {}?",
    "teach me to {}" if False else "how does one {}?",
    "tell me how to {}",
]
HELP_ZH = ["怎么{}？", "如何{}？", "怎样{}", "请问怎么{}", "教我怎么{}", "我该如何{}？", "怎样才能{}？"]


def generated_others(seed: int, many: int) -> Iterator[tuple[str, Calls]]:
    """Commands that are forbidden, reported, postponed or asked about: nothing, or help."""
    commands = [(text, text.isascii()) for text, _ in _requests() if _may_be_framed(text, "please {}", text.isascii()) and "?" not in text]
    chance = random.Random(seed)
    for _ in range(many):
        text, english = chance.choice(commands)
        if chance.random() < 0.25:
            yield chance.choice(HELP_EN if english else HELP_ZH).format(text), [{"op": "help", "args": {}}]
        else:
            yield chance.choice(NOTHING_EN if english else NOTHING_ZH).format(text), []


JOINED_EN = ["{a} and {b}", "{a}, then {b}", "{a}; {b}", "{a}. {b}.", "first {a}, then {b}", "{a} and then {b}", "{a}, and {b}", "before you {b}, {a}", "{a} before you {b}", "please {a}, afterwards {b}",
             "{a} then {b}", "could you {a} and {b}?", "{a}, {b}", "{a}, next {b}" if False else "{a}; after that {b}", "after you {a}, {b}"]  # fmt: skip
JOINED_ZH = [
    "先{a}，再{b}",
    "{a}，然后{b}",
    "{a}，{b}",
    "{a}之后{b}",
    "{a}并{b}",
    "{b}之前先{a}",
    "请{a}，接着{b}",
    "{a}然后{b}",
    "帮我{a}，最后{b}",
    "{a}；{b}",
    "{a}再{b}",
]


def generated_compounds(seed: int, many: int) -> Iterator[tuple[str, Calls]]:
    """Two commands in one sentence, of different operations."""
    requests = [
        (text, calls, text.isascii())
        for text, calls in _requests()
        if _may_be_framed(text, "please {}", text.isascii()) and "?" not in text
    ]
    by_op: dict[tuple[str, bool], list[tuple[str, Calls]]] = {}
    for text, calls, english in requests:
        by_op.setdefault((calls[0]["op"], english), []).append((text, calls))
    chance = random.Random(seed)
    for _ in range(many):
        english = chance.random() < 0.5
        ops = [op for op, language in by_op if language == english]
        first, second = chance.sample(ops, 2)
        (a, calls_a), (b, calls_b) = chance.choice(by_op[first, english]), chance.choice(by_op[second, english])
        yield chance.choice(JOINED_EN if english else JOINED_ZH).format(a=a, b=b), [*calls_a, *calls_b]
