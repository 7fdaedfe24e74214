"""What a command does not account for: remarks that hold all the words of a command are asked about, commands are not."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from spinalsam.cli import main
from spinalsam.control.operations import SPOKEN_SPECS
from spinalsam.errors import InputError
from spinalsam.language import parse
from spinalsam.language.benchmark import Sentence, read_sentences
from spinalsam.language.learning import COSTS, as_markdown, learn
from spinalsam.language.reading import read
from spinalsam.language.residue import SEVERITIES, Residue, features, residue, severity
from spinalsam.language.schema import SURE

OWN = Path(__file__).with_name("sentences.jsonl")  # never learned from
UNASKED = Path(__file__).with_name("sentences_unasked.jsonl")  # never learned from either


@pytest.mark.parametrize(
    "text",
    [
        "First you add the points, then you generate the mask, that's how the students learn it.",
        "Had we segmented L1 first, this would have been easier.",
        "By the time we clear the boxes, the patient will be in surgery.",
        "To clear an image or not to clear an image, that is the question.",
        "Having cleared the points, she left the room.",
        "Generate a mask? Over my dead body.",
        "Had a look at slice 45, looked normal.",
        "Ben, open the image on your side, would you?",
        "早知道先分割L1就好了",
        "等我们清完框，病人都进手术室了",
        "与其加点，不如先想一想",
        "点清了，框清了，咖啡也喝了",
        "清点会把每层的点都去掉",
        "谢谢你分割脊柱",
        "生成掩码？想都别想",
    ],
)
def test_a_remark_in_the_words_of_a_command_is_asked_about(text: str) -> None:
    understood = parse(text, SPOKEN_SPECS)
    assert understood.calls == () and understood.alternatives and understood.confidence < SURE
    assert understood.explanation.startswith("left over: '")


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("looks good, export it", "export_mask"),
        ("wrong, undo", "undo"),
        ("patient's ready, open the image", "open_image"),
        ("hurry up and generate the point mask", "generate_point_mask"),
        ("why don't you segment L1", "segment"),
        ("框画得很准，生成框掩膜", "generate_box_mask"),
        ("病人好了，打开图像", "open_image"),
        ("掩码不好，删掉", "clear_mask"),
    ],
)
def test_a_command_beside_a_remark_is_done(text: str, op: str) -> None:
    assert [call.op for call in parse(text, SPOKEN_SPECS).calls] == [op]


def test_no_remark_kept_apart_is_acted_upon_and_few_commands_kept_apart_are_asked_about() -> None:
    remarks = [sentence for sentence in read_sentences(UNASKED) if sentence.asks_nothing]
    done = [sentence.text for sentence in remarks if parse(sentence.text, SPOKEN_SPECS).calls]
    assert len(remarks) >= 100 and not done, done
    commands = [sentence for path in (UNASKED, OWN) for sentence in read_sentences(path) if not sentence.asks_nothing]
    asked = [sentence.text for sentence in commands if parse(sentence.text, SPOKEN_SPECS).explanation.startswith("left over")]
    assert len(commands) > 1800 and len(asked) / len(commands) <= 0.015, asked


def test_operations_are_as_severe_as_the_hardest_to_take_back() -> None:
    assert [severity(ops) for ops in (["go_to", "clear_points"], ["add_box", "go_to"], ["go_to", "help"])] == list(SEVERITIES)
    for language in ("en", "zh"):
        assert Residue(1.0, (), language).is_too_much({"help"}) and not Residue(0.0, (), language).is_too_much({"clear_image"})
        assert not Residue(1.0, (), language).is_too_much(set())


def test_the_words_that_speak_against_a_command_are_named() -> None:
    text = "My grandmother could add a better box."
    left = residue(text, read(text))
    assert left.share > 0.9 and "grandmother" in left.words
    assert residue("撤销", read("撤销")).language == "zh" and residue("", read("")).share < 1


@pytest.mark.parametrize("text", ["", "?", "...", "，，，", "\n", "a?b?c?", "「」", "：：", "?!，。 L3", "\ue000"])
def test_odd_texts_have_a_residue_too(text: str) -> None:
    assert 0 <= residue(text, read(text)).share <= 1


def labelled(remarks: int = 60, commands: int = 60) -> list[Sentence]:
    levels = [f"{letter}{number}" for letter, number in product("LT", range(1, 13)) if letter == "T" or number < 6]
    told = [f"she {verb} {level} {when}" for verb, level, when in product(("boxed", "cleared", "segmented"), levels, ("today", "before"))]
    asked = [f"{verb} {level} {please}" for level, please, verb in product(levels, ("", "please"), ("box", "segment", "measure"))]
    nothing = [Sentence("", text, "en", "nothing", ([],)) for text in told[:remarks]]
    ops = {"box": "add_box", "segment": "segment", "measure": "measure"}
    requests = [Sentence("", text, "en", "clinical", ([{"op": ops[text.split()[0]], "args": {}}],)) for text in asked[:commands]]
    clearing = [Sentence("", f"clear the {what}", "en", "clinical", ([{"op": "clear_points", "args": {}}],)) for what in ("points", "dots")]
    return nothing + requests + clearing


def test_learning_finds_what_sets_remarks_apart(tmp_path: Path) -> None:
    learned = learn(labelled(), "en")
    assert learned.weights["w she"] > 0.3 and learned.weights[""] < learned.weights["w she"]
    assert learned.weights == learn(labelled(), "en").weights
    assert set(learned.limits) == set(COSTS) and all(0 < limit < 1 for limit in learned.limits.values())
    assert all(share > 0.9 for share in learned.caught.values())
    written = json.loads(learned.write(tmp_path).read_text())
    assert written == {"limits": learned.limits, "weights": learned.weights}
    assert "| en (62 + 60) | loses |" in as_markdown([learned])


def test_learning_from_too_little_is_refused() -> None:
    with pytest.raises(InputError, match="Learning 'en' needs 50 commands"):
        learn(labelled(remarks=20), "en")
    with pytest.raises(InputError, match="Learning 'zh'"):
        learn(labelled(), "zh")
    with pytest.raises(InputError, match="lose, change and show"):
        learn(labelled()[:-2], "en")


def test_features_name_the_words_that_gave_them() -> None:
    tokens = read("she cleared L3")
    found = features("she cleared L3", tokens)
    assert found["w she"].places == [0] and found["b they act/past"].places == [0, 1] and found["b <region> $"].places == [2]


def test_what_is_kept_apart_is_not_learned_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": str(n), "text": one.text, "lang": "en", "kind": one.kind, "accept": one.accept} for n, one in enumerate(labelled())]
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["parse", "--learn", str(path), "--kept-apart", str(path), "--out", str(tmp_path)]) == 3
    assert "Learning 'en' needs" in capsys.readouterr().err
    assert not (tmp_path / "residue_en.json").exists()
