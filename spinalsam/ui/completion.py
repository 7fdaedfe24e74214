"""What a sentence that is being typed may become: the operations in both languages, and the regions. No widgets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spinalsam.support.anatomy import REGIONS

MOST = 7

# Ways to ask for each operation, English then Chinese; a phrase that ends in a space wants a region.
OFFERS: dict[str, tuple[str, ...]] = {
    "open_image": ("open image", "打开图像"),
    "clear_image": ("close the image", "清空"),
    "add_points": ("add three points on ", "add a negative point at (", "在L3上加三个点", "加一个背景点"),
    "generate_point_mask": ("generate the mask from the points", "用点生成掩膜"),
    "clear_points": ("clear the points", "清除所有点"),
    "add_box": ("add a box around ", "draw a box around ", "在L3周围画框"),
    "generate_box_mask": ("generate the mask from the box", "用框生成掩膜"),
    "clear_boxes": ("clear the boxes", "清除所有框"),
    "navigate": ("next slice", "previous slice", "下一张", "上一张"),
    "gpu_status": ("GPU status", "显卡状态"),
    "verify_parameters": ("verify parameters", "验证参数"),
    "segment": ("segment ", "segment the spine", "分割L3", "分割腰椎"),
    "propagate": ("propagate up and down", "propagate up", "propagate down", "向上下传播"),
    "clear_mask": ("clear the mask", "clear the mask of ", "清除掩膜"),
    "set_label": ("set the label to ", "把标签设为L3"),
    "go_to": ("go to slice ", "go to the middle slice", "go to ", "跳到中间层面"),
    "set_view": ("axial view", "sagittal view", "coronal view", "3D view", "切换到矢状面", "三维视图"),
    "set_window": ("bone window", "soft tissue window", "骨窗", "软组织窗"),
    "show_mask": ("show the mask", "hide the mask", "显示掩膜", "隐藏掩膜"),
    "measure": ("measure ", "测量L3的体积"),
    "undo": ("undo", "撤销"),
    "redo": ("redo", "重做"),
    "export_mask": ("export the mask as nifti", "export the mask as dicom seg", "导出掩膜为NIfTI"),
    "help": ("what can you do?", "你能做什么？"),
}
_PHRASES = tuple(phrase for phrases in OFFERS.values() for phrase in phrases)
_CHINESE_REGIONS = (
    "颈椎", "胸椎", "腰椎", "脊柱", "骶骨", "尾骨",
    *(f"颈{n}" for n in range(1, 8)), *(f"胸{n}" for n in range(1, 13)), *(f"腰{n}" for n in range(1, 6)),
)  # fmt: skip
_CLAUSE = re.compile(r"^(.*(?:[,;，；。]|(?:\b(?:and|then)\b)|然后|并且|并|再))?(\s*)(.*)$", re.S | re.I)
_WORD = re.compile(r"(?<=[\s,(（-])[A-Za-z]+\d*$")


@dataclass(frozen=True)
class Completion:
    """shown: what the list says. text: the whole line when it is taken."""

    shown: str
    text: str


def completions(text: str) -> list[Completion]:
    """What the line may become, likeliest first; nothing where there is nothing to add."""
    match = _CLAUSE.match(text)
    assert match is not None  # it matches every text
    before, space, clause = match[1] or "", match[2], match[3]
    offers = [Completion(phrase.strip(), before + space + phrase) for phrase in _PHRASES if _continues(phrase, clause)]
    return (offers + _regions(text, clause))[:MOST]


def _continues(phrase: str, typed: str) -> bool:
    return bool(typed) and phrase.lower().startswith(typed.lower()) and phrase.strip().lower() != typed.strip().lower()


def _regions(text: str, clause: str) -> list[Completion]:
    """The name of a region in place of its beginning, after at least one word."""
    word = _WORD.search(clause)
    if word is not None and word.start() > 0:
        typed = word[0].lower()
        fits = [name for name in REGIONS if name.lower().startswith(typed) and name.lower() != typed]
        return [Completion(name, text[: len(text) - len(typed)] + name) for name in fits]
    chinese = next((n for n in (2, 1) if any(name.startswith(clause[-n:]) and len(name) > n for name in _CHINESE_REGIONS)), 0)
    if chinese and len(clause) > chinese:
        typed = clause[-chinese:]
        fits = [name for name in _CHINESE_REGIONS if name.startswith(typed) and name != typed]
        return [Completion(name, text[: len(text) - chinese] + name) for name in fits]
    return []
