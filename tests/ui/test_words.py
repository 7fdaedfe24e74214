"""The interface in Chinese: no key is missing, no place is lost, and what operations say is translated too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAction, QFileSystemModel, QLabel, QPushButton, QToolButton

import spinalsam.ui
from spinalsam.control.operations import OPERATIONS
from spinalsam.support.morphometry import marks
from spinalsam.ui import about, actions, chat_dock, dialogs, figures_window, keys, label_menu, question, surface_view, vertebra_panel, words
from spinalsam.ui.main_window import MainWindow
from spinalsam.ui.preferences import Preferences
from spinalsam.ui.tools import bar

PLACES = re.compile(r"\{(\w+)\}")
# The same in every language: names, numbers, signs.
SAME = {"", "_", " "}


@pytest.fixture
def chinese() -> Iterator[None]:
    preferences = Preferences()
    preferences.language = "zh"
    words.use_language("zh")
    yield
    preferences.language = "en"
    words.use_language("en")


# Functions that show a text, and which of their arguments it is.
SHOWING = {"tr": (0,), "put": (1,), "told": (1,), "_button": (0, 1), "_dock": (1,), "_toggle": (1, 2), "_bound": (0,), "add_tool": (1,)}


def _shown_literals(call: ast.Call) -> list[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    places = [call.args[n] for n in SHOWING.get(name, ()) if n < len(call.args)]
    texts: list[str] = []
    for place in places:
        parts = list(ast.walk(place))
        if not any(isinstance(part, ast.Call) for part in parts):
            texts += [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    # What helpers take beside texts is written small: names of drawings and ways.
    return texts if name in ("tr", "put", "told") else [text for text in texts if text[:1].isupper()]


def keys_in_the_code() -> dict[str, str]:
    """Every literal that is given to `tr`, and the file in which it stands."""
    found: dict[str, str] = {}
    for path in sorted(Path(spinalsam.ui.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found.update(dict.fromkeys(_shown_literals(node), path.name))
    for name, texts in {
        "about.py": about.ROWS.values(),
        "surface_view.py": surface_view.MESSAGES,
        "keys.py": [*(entry.title for entry in keys.WINDOW_ENTRIES), *keys.TAKEN.values()],
        "actions.py": (*actions.MENUS.values(), *actions.TOOLBAR_WORDS.values()),
        "dialogs.py": [text for row in dialogs.POINTER_KEYS for text in row],
        "label_menu.py": (*label_menu.PROGRESS_WORDS.values(), *label_menu._DRAWN_WORDS.values()),
        "figures_window.py": figures_window._DIFFERENCE_WORDS.values(),
        "vertebra_panel.py": [text for pair in vertebra_panel._TIPS.items() for text in pair],
        "question.py": question._QUESTIONS.values(),
        "slice_marks.py": marks.LEGEND.values(),
        "bar.py": [text for _, _, title, _, tip, _ in bar.TOOLS for text in (title, tip)],
    }.items():
        found.update(dict.fromkeys(texts, name))
    return found


def keys_of_the_registry() -> dict[str, str]:
    found: dict[str, str] = {}
    for operation in OPERATIONS:
        spec = operation.spec
        texts = [spec.title, spec.help, *(preset.title for preset in operation.presets)]
        for argument in spec.arguments:
            if argument.kind != "json":
                texts += [words.argument_title(argument.name), argument.help, *argument.choices]
        found.update(dict.fromkeys(texts, operation.name))
    return found


@pytest.mark.parametrize("keys", [keys_in_the_code, keys_of_the_registry])
def test_no_visible_string_lacks_its_chinese(keys: Any) -> None:
    table = {key: text for name, part in words.tables("zh").items() if name != words.MESSAGES for key, text in part.items()}
    missing = {key: where for key, where in keys().items() if key not in table and key not in SAME}
    assert not missing, f"add to resources/translations/zh: {missing}"


def test_translations_keep_every_place() -> None:
    for part in words.tables("zh").values():
        for key, text in part.items():
            assert set(PLACES.findall(text)) <= set(PLACES.findall(key)), key
            assert text, key


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Mask of L3 on axial slice 47: 812 pixels, predicted IoU 0.91.", "L3 在轴位第 47 层的掩膜：812 像素，预测 IoU 0.91。"),
        ("Undone: Add 1 box on sagittal slice 3, Keep the mask of L4.", "已撤销：在矢状位第 3 层添加 1 个框、保留 L4 的掩膜。"),
        ("Undone: Add label 29, Rename L4 to L5, Hide L4.", "已撤销：添加标签 29、将 L4 改名为 L5、隐藏 L4。"),
        ("L2 is done.", "L2 已完成。"),
        ("New masks are label 29", "新掩膜属于 标签 29"),
        ("The levels are in order: no duplicate, no gap.", "节段顺序正确：没有重复，没有缺失。"),
        ("Saved L3 to '/home/a, b/mask.nii.gz'.", "已将 L3 保存到“/home/a, b/mask.nii.gz”。"),
        (
            "Nothing answers at localhost; is the server running? Read by the offline parser.",
            "localhost 没有响应；服务器在运行吗？已改由离线解析器读取。",
        ),
        (
            "Against 'a.nii.gz': no label is in both. Only in the reference: L5, 54 more labels.",
            "与“a.nii.gz”比较：没有共同的标签。仅在参考中：L5、另外 54 个标签。",
        ),
        (
            "L3: 45.10 ml, mean 150 ± 20 HU, 30.0 x 50.0 x 40.0 mm (height x width x depth). "
            "Body height 25.0 / 24.0 / 26.0 mm (front / middle / back). Genant grade 1 (mild, wedge, 22 % lost). "
            "Core 150 ± 20 HU, at or under 160 HU. Disc below 8.0 / 9.0 / 7.0 mm.\nFor research use only.",
            "L3：45.10 ml，平均 150 ± 20 HU，30.0 × 50.0 × 40.0 mm（高 × 宽 × 深）。"
            "椎体高度 25.0 / 24.0 / 26.0 mm（前 / 中 / 后）。Genant 分级 1（轻度、楔形、丢失 22 %）。"
            "松质骨 150 ± 20 HU，不高于 160 HU。下方椎间盘 8.0 / 9.0 / 7.0 mm。\n仅供研究。",
        ),
        (
            "Not measured: heights, disc below (the edge of the scan cuts it, and too little is in view).",
            "未测量：高度、下方椎间盘（被扫描边缘截断，可见部分太少）。",
        ),
        ("L3 on axial slice 65. Check the level: it is as the locator counts.", "L3 位于轴位第 65 层。请核对节段：此为定位器的计数。"),
        (
            "There is no axial slice 9999; they run from 1 to 55. Done: Next or previous slice. Not done: Go to, Measure.",
            "没有轴位第 9999 层；范围是 1 到 55。已完成：下一层或上一层。未完成：转到、测量。",
        ),
        ("Image: Open image, Close image.\nPoints: Add points, Clear points.", "图像：打开图像、关闭图像。\n点：添加点、清除点。"),
        (
            "Found and segmented C7 to T6 and the sacrum; C7, T1 cut by the edge of the scan; levels: C7 to T6 (60 %) or T1 to T7 (30 %).",
            "已找到并分割 C7 至 T6和骶骨；C7、T1 被扫描边缘截断；节段：C7 至 T6 (60 %)，或 T1 至 T7 (30 %)。",
        ),
        ("Found and segmented L1 to L5; 1 kept as it was.", "已找到并分割 L1 至 L5；1 个保持原样。"),
        (
            "Segmented L3 in 3-D (the planes agree to 0.91); nothing else: L6 is not in view; there are L1 to L5.",
            "已三维分割 L3（各平面一致性 0.91）；没有其他结构：L6 不在视野内；现有 L1 至 L5。",
        ),
        ("Something odd; and something else.", "Something odd; and something else."),
        ("Lasso: add to L3 on sagittal slice 60: +3.70 ml.", "套索：在矢状位第 60 层添加到 L3：+3.70 ml。"),
        ("Fill 5 axial slices of T12: +5.24 ml.", "填充 T12 的 5 个轴位层面：+5.24 ml。"),
        ("Shrink L3 by 2 mm: -1.20 ml.", "L3 缩小 2 mm：-1.20 ml。"),
        ("Split L3: L4 parted from it", "切分 L3：分出 L4"),
        ("Something nobody has translated.", "Something nobody has translated."),
    ],
)
def test_what_operations_say_is_translated_with_what_stands_in_it(chinese: None, said: str, meant: str) -> None:
    assert words.say(said) == meant


def progress_messages() -> dict[str, str]:
    """What is said while something runs, as it could be said, and the file in which it stands."""
    found: dict[str, str] = {}
    root = Path(spinalsam.ui.__file__).parents[1]
    paths = [*(root / "control").rglob("*.py"), *(root / "data").rglob("*.py"), root / "engine" / "whole.py", root / "engine" / "locate.py"]
    for path in (path for path in paths if "batch" not in path.relative_to(root).parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("progress", "say"):
                for text in node.args[1:]:
                    if isinstance(text, ast.JoinedStr):
                        found["".join(part.value if isinstance(part, ast.Constant) else "7" for part in text.values)] = path.name
                    elif isinstance(text, ast.Constant) and isinstance(text.value, str):
                        found[text.value] = path.name
    return found


def test_what_is_said_while_something_runs_is_translated(chinese: None) -> None:
    said = progress_messages()
    assert len(said) > 10
    missing = {text: where for text, where in said.items() if words.say(text) == text}
    assert not missing, f"add to resources/translations/zh/messages.json: {missing}"


# Raised where a script or the command line is used, never by what a window offers.
OF_SCRIPTS = {
    "prompting.py",
    "recovery.py",
    "saying.py",
    "dicom_studies.py",
    "packing.py",
    "snapshot.py",
    "calls.py",
    "volume.py",
    "geometry.py",
    "prompts.py",
    "planes.py",
    "metrics.py",
}


def errors_raised() -> dict[str, str]:
    """The sentences of errors that a window can show, as they could be said, and the file in which they stand."""
    found: dict[str, str] = {}
    root = Path(spinalsam.ui.__file__).parents[1]
    files = [path for part in ("control", "data", "support") for path in (root / part).rglob("*.py")]
    for path in (path for path in files if "batch" not in path.relative_to(root).parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args and path.name not in OF_SCRIPTS:
                text = node.exc.args[0]
                if isinstance(text, ast.JoinedStr):
                    found["".join(part.value if isinstance(part, ast.Constant) else "7" for part in text.values)] = path.name
                elif isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[text.value] = path.name
    # A sentence begins with a capital, a place or a quote and ends in a full stop; others are parts of one.
    return {
        text: where
        for text, where in found.items()
        if re.match(r"[A-Z'7]", text) and text.endswith((".", "7")) and re.search("[a-z]{2}", text)
    }


def test_errors_are_translated(chinese: None) -> None:
    said = errors_raised()
    assert len(said) > 120
    missing = {text: where for text, where in said.items() if words.say(text) == text}
    assert not missing, f"add to resources/translations/zh/errors.json: {missing}"


@pytest.mark.parametrize(
    "said",
    [
        "Running on NVIDIA H100 80GB HBM3 (cuda:0, 70.3 of 79.2 GiB free) in bf16.",
        "The memory of cuda:0 is full: the model now runs on the CPU, which is slower.",
        "The memory of mps is full: the model 'compact' now runs on the CPU, which is slower.",
        "There is not enough memory for the model; close other programs or choose a smaller model.",
        "Running on the CPU (x, 2 cores, AVX2) in bf16; no GPU found. An NVIDIA GPU is here (driver 550.1), but the installed PyTorch was "
        "built without CUDA; install a CUDA build of torch to use it.",
        "An NVIDIA GPU is here (driver 450), but PyTorch for CUDA 12.8 cannot use it; the driver may be too old, or CUDA_VISIBLE_DEVICES "
        "may hide it.",
        "'studies' holds several cases; choose one.",
    ],
)
def test_what_devices_are_said_to_do_is_translated(chinese: None, said: str) -> None:
    meant = words.say(said)
    assert meant != said and not re.search(r"[a-z]{2,} [a-z]{2,} ", meant), meant


def test_a_notice_follows_the_language(window: MainWindow) -> None:
    window.notices.say(lambda: words.say("The masks are hidden."), "error")
    try:
        words.use_language("zh")
        assert window.notices.texts == [words.say("The masks are hidden.")] != ["The masks are hidden."]
        assert window.notices.findChild(QLabel).text() == window.notices.texts[0]
    finally:
        words.use_language("en")
    assert window.notices.texts == ["The masks are hidden."]


def test_the_size_of_a_file_is_no_volume(chinese: None, qapp: Any) -> None:
    shown = QFileSystemModel()
    heads = [shown.headerData(column, Qt.Horizontal) for column in range(shown.columnCount())]
    assert heads == ["名称", "大小", "类型", "修改日期"]
    words.use_language("en")
    assert QFileSystemModel().headerData(1, Qt.Horizontal) == "Size"


def test_english_is_left_as_it_is() -> None:
    words.use_language("en")
    assert words.say("The masks are hidden.") == "The masks are hidden."


LATIN = re.compile(r"[A-Za-z]{4,}")
# Names of formats, programs, vertebrae, units and keys are the same in Chinese.
NAMES = re.compile(
    r"SpinalSAM|NIfTI|NRRD|MetaImage|DICOM|PNG|JPEG|TIFF|Live|Enter|Esc|Shift|Ctrl|Alt|Home|End|PgUp|PgDown|Delete|Tab|Space|"
    r"block|sacrum|coccyx|cervical|thoracic|lumbar|spine|Hounsfield|DeepSeek|ITK-SNAP|OpenGL|Dice|GPU|Cobb|Genant"
)


def test_a_window_in_chinese_shows_no_english(chinese: None, qtbot: Any, qapp: Any) -> None:
    from spinalsam.control.workspace import Workspace
    from spinalsam.ui import app
    from tests.fakes import FakeSegmenter
    from tests.ui.conftest import vertebra_volume

    made = app.build_window(qapp, workspace=Workspace(segmenter=FakeSegmenter(), samples={"block": vertebra_volume}))
    qtbot.addWidget(made)
    made.show()
    made.open_path("sample:block")
    qtbot.waitUntil(lambda: made.workspace.has_case and not made.dispatcher.busy)
    examples = {text for texts in chat_dock.EXAMPLES.values() for text in texts}
    english = [text for text in shown_texts(made) if LATIN.search(NAMES.sub("", text)) and text not in (*examples, "fake")]
    made.close()
    assert not english, english


def shown_texts(window: MainWindow) -> list[str]:
    """Of labels, buttons, actions and their tips' first lines; why an action is off is a sentence of the controller."""
    texts: list[str] = []
    for widget in (*window.findChildren(QLabel), *window.findChildren(QPushButton), *window.findChildren(QToolButton)):
        texts += [widget.text(), widget.toolTip(), widget.accessibleName()]
    for action in window.findChildren(QAction):
        texts += [action.text(), action.toolTip()]
    return [re.sub(r"<[^>]*>|&nbsp;", "", text.split("\n")[0]) for text in texts if text]
