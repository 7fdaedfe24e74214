"""Chinese typed by sound: 生城点眼膜 is 生成点掩膜. Words that sound like one of ours, and are none themselves, are replaced by it."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

# Words that are worth it: long enough, and unlike other words of the same sound in what is said to this program.
_WORDS = (
    "腰椎 颈椎 胸椎 骶骨 尾骨 脊柱 脊椎 椎体 掩膜 掩码 蒙版 分割 勾画 生成 添加 删除 "
    "清除 清空 矩形 方框 坐标 坐标点 背景点 前景点 种子点 标记点 提示点 负点 图像 图片 打开 加载 "
    "载入 导出 保存 隐藏 测量 撤销 重做 传播 延伸 标签 骨窗 肺窗 脑窗 软组织窗 窗宽 窗位 "
    "矢状位 矢状面 冠状位 冠状面 轴位 横断面 三维 显卡 权重 参数 匹配 验证 帮助 切换 切片 下一张 "
    "上一张 下一层 上一层 帮我 识别 框住 提取 定位 整个 根据 现在 操作 视图 三视图 勾出 量一下 "
    "测一下 改成 设为 设成 换成 切到 计算 平均 需要 麻烦 标成 放在 画框 加框 加点 删掉 "
    "清掉 去掉 擦掉 继续 立体 轮廓 一打 画个 加个 框选 圈住 框起来 勾出来 分割出来 导出为 保存为 "
    "最后一层 第一层 中间层 跳到 转到 重置 自动 推理 预测 模型 检查点 双向 头侧 足侧 后退 前进 "
    "病例 "
).split()
# Real words of the same sound.
_REAL = frozenset(
    (
        "影响 回复 提及 现实 先是 西药 要追 自动 字典 福典 富点 父典 重作 实况 转道 道初 "
        "标前 签到 预测 裕册 余额 头册 头侧 足侧 前进 前景 钱景 侧面 后腿 病历 床位 下一站 上一站 "
    ).split()
)
# Counts are no slips: 撤两步 is not 测量步.
_COUNTING = "一二两三四五六七八九十百几个张层步次"
_FUZZY = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"))
_CJK = re.compile("[\u4e00-\u9fff]{2,}")


@lru_cache(maxsize=1)
def _sounds() -> dict[str, frozenset[str]]:
    """Characters and the syllables that they may be, near syllables taken as one."""
    table: dict[str, set[str]] = {}
    text = resources.files("spinalsam.language.words").joinpath("pinyin.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        syllable, characters = line.split()
        for careful, careless in _FUZZY:
            syllable = syllable.replace(careful, careless)
        for character in characters:
            table.setdefault(character, set()).add(syllable)
    return {character: frozenset(syllables) for character, syllables in table.items()}


@lru_cache(maxsize=1)
def _by_sound() -> dict[tuple[str, ...], str]:
    """Our words by their syllables; where a character has several, each of them."""
    table: dict[tuple[str, ...], str] = {}
    for word in _WORDS:
        for key in _keys(word):
            table.setdefault(key, word)
    return table


def _keys(word: str) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [()]
    for character in word:
        keys = [(*key, syllable) for key in keys for syllable in sorted(_sounds().get(character, frozenset()))]
    return keys


_COUNT = "[一二两三四五六七八九十几\\d]+"
# Single characters, where what stands beside them leaves nothing else to be meant.
_IN_PLACE = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (r"(?:^|(?<=[，,。;；]))再(?=第?[一二两三四五六七八九十\d]{0,2}[腰胸颈骶尾脊]|[ctl]\d)", "在"),
        (rf"(?<=[加放画标打补添点]){_COUNT}[个颗](?:背景|前景|正|负)?(?:店|典|电|淀|碘)(?=$|[，,。!！吧在到于])", None),
        (rf"(?:撤[销消]|撤回|撤|重做|回退|倒退|后退|前进|恢复|退回?){_COUNT}(?:部|布|不)(?=$|[，,。;；!！吧])", None),
        (rf"(?:下|上|前|后|翻|前进|后退|往前|往后|跳过){_COUNT}(?:曾|成|城|蹭|岑|程)(?=$|[，,。;；!！吧])", None),
        (rf"第{_COUNT}(?:曾|成|城|蹭|岑|程)(?=$|[，,。;；!！吧加放画标])", None),
        (rf"(?:下|上|前|后|翻){_COUNT}(?:章|掌|涨)(?=$|[，,。;；!！吧])", None),
        (r"标(?:前|千|钱|迁|铅|谦)(?=[设改换是为社调切成用])", "标签"),
        (r"(?<=标签)(?:社|射|摄|舍)(?=[为成])", "设"),
        (r"(?<=标签设)(?:未|位|围|维)", "为"),
    )
)
_MEANT = {
    **dict.fromkeys("店典电淀碘", "点"),
    **dict.fromkeys("部布不", "步"),
    **dict.fromkeys("曾成城蹭岑程", "层"),
    **dict.fromkeys("章掌涨", "张"),
}


def respelled_in_place(text: str) -> str:
    """The text with single characters in place of what only sounds like them: 加六个店, 撤销三部, 再L2上."""
    for pattern, meant in _IN_PLACE:
        text = pattern.sub(meant or (lambda match: match.group(0)[:-1] + _MEANT[match.group(0)[-1]]), text)
    return text


def respelled(text: str, known: frozenset[str], common: frozenset[str]) -> str:
    """The text with our words in place of what only sounds like them.

    known: words that stay as they are. common: ordinary words, which stay where no word of ours stands beside them: 清楚 in 清楚点 is
    清除, and in 清楚了 itself.
    """
    return _CJK.sub(lambda match: _respelled_run(match.group(0), known, common), text)


def _respelled_run(run: str, known: frozenset[str], common: frozenset[str]) -> str:
    result, i = "", 0
    while i < len(run):
        ours = next((length for length in range(8, 2, -1) if run[i : i + length] in known and i + length <= len(run)), 0)
        if ours:
            result, i = result + run[i : i + ours], i + ours
            continue
        for length in (4, 3, 2):
            heard = _heard(run[i : i + length], known) if i + length <= len(run) else None
            if heard is not None and not _overlaps(run, i, length, known) and not _is_meant(run, i, length, common):
                result, i = result + heard, i + length
                break
        else:
            result, i = result + run[i], i + 1
    return result


@lru_cache(maxsize=4096)
def _heard(piece: str, known: frozenset[str]) -> str | None:
    if piece in known or piece in _REAL:
        return None
    word = next((word for key in _keys(piece) if (word := _by_sound().get(key)) is not None and word != piece), None)
    counts = word is not None and any(a != b and a in _COUNTING for a, b in zip(piece, word, strict=True))
    return None if counts else word


_OBJECTS = re.compile("[点框图]|掩膜|掩码|分割|椎|骨|窗|层|张|标签|权重|参数|步")


def _is_meant(run: str, start: int, length: int, common: frozenset[str]) -> bool:
    """Whether the piece is an ordinary word, or an ordinary word reaches over its edge, and nothing that we could act on stands beside."""
    beside = run[:start] + " " + run[start + length :]
    return (run[start : start + length] in common or _overlaps(run, start, length, common)) and _OBJECTS.search(beside) is None


def _overlaps(run: str, start: int, length: int, words: frozenset[str]) -> bool:
    """Whether one of the words reaches over an edge of the piece: then its characters belong there."""
    for edge in (start, start + length):
        for left in (1, 2):
            for right in (1, 2):
                a, b = edge - left, edge + right
                if a >= 0 and b <= len(run) and run[a:b] in words and (a < start or b > start + length):
                    return True
    return False
