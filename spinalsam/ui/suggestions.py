"""What the menus have for a sentence in which nothing was found to do: not every operation can be said. No widgets."""

from __future__ import annotations

import re

MOST = 3
# By operation, in the order of preference. English words are matched whole, with their endings; Chinese ones wherever they stand.
_WORDS: dict[str, tuple[str, ...]] = {
    "save_picture": ("screenshot", "screen shot", "snapshot", "picture", "photo", "截图", "截屏", "图片", "快照"),
    "save_measurements": ("csv", "excel", "spreadsheet", "table", "表格", "电子表"),
    "compare_mask": ("compare", "comparison", "reference", "dice", "比较", "对比", "参考"),
    "show_side_by_side": ("side by side", "并排"),
    "fill_between": ("between slices", "interpolate", "interpolation", "插值", "层间"),
    "fill_holes": ("hole", "孔", "洞"),
    "keep_largest": ("largest", "biggest", "最大"),
    "smooth": ("smooth", "平滑", "光滑"),
    "resize": ("grow", "shrink", "dilate", "erode", "扩大", "缩小", "膨胀", "腐蚀"),
    "split_label": ("split", "separate", "拆分", "分开"),
    "merge_labels": ("merge", "combine", "合并"),
    "rename_label": ("rename", "重命名", "改名"),
    "number_from": ("renumber", "编号"),
    "shift_levels": ("shift", "level too high", "level too low", "错一节", "移一节"),
    "lock_label": ("lock", "锁定"),
    "measure_cobb": ("cobb", "lordosis", "kyphosis", "scoliosis", "前凸", "后凸", "侧弯"),
    "load_mask": ("load", "import", "加载", "载入", "导入"),
    "restore_case": ("restore", "recover", "恢复"),
    "list_cases": ("folder", "studies", "文件夹"),
    "open_listed": ("next case", "previous case", "next patient", "下一个病例", "上一个病例"),
    "mark_case": ("case done", "finished", "病例完成"),
    "cut_surface": ("cut open", "clip", "剖开", "剖切"),
    "save_label_table": ("itk snap", "itk-snap", "label table", "标签表"),
    "about": ("version", "licence", "license", "版本", "许可"),
}


def operations_like(text: str) -> list[str]:
    """Names of operations that the words of a sentence make one think of, the likeliest first; at most a few."""
    spoken = text.lower()
    return [op for op, words in _WORDS.items() if any(_says(spoken, word) for word in words)][:MOST]


def _says(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}(s|es|d|ed|ing)?\b", text) is not None if word.isascii() else word in text
