# ruff: noqa: E501
"""What is private is taken out of a sentence and put back unchanged; what the program talks about stays readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinalsam.language.redaction import redact


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("load /data/patients/John Smith/ct scan.nii.gz and segment L3", ["data", "John", "Smith", "ct scan"]),
        (r"export to \\server\share\smith\m.nrrd", ["server", "smith"]),
        (r"open D:\Tom\x", ["Tom"]),
        ("open ~/case/one", ["case"]),
        ("open ../../etc/passwd", ["etc", "passwd"]),
        ("打开/数据/张三/腰椎.nii.gz并分割L3", ["数据", "张三", "腰椎.nii"]),
        ("打开病例一.nii.gz", ["病例一"]),
        ("save it as jsmith.nii.gz", ["jsmith"]),
        ("segment L3 for patient mary jones", ["mary", "jones"]),
        ("open John Smith's scan", ["John", "Smith"]),
        ("ask Rose Grant to look", ["Rose", "Grant"]),
        ("the scan of zhang wei", ["zhang", "wei"]),
        ("add points to JOHN SMITH L3", ["JOHN", "SMITH"]),
        ("Mr Brown's CT", ["Brown"]),
        ("Dr. Patel wants L3", ["Patel"]),
        ("Patient: Doe, Jane; segment L2", ["Doe", "Jane"]),
        ("SMITH^JOHN^A: segment L4", ["SMITH", "JOHN"]),
        ("add three points for Müller", ["Müller"]),
        ("segment L3, Vasquez", ["Vasquez"]),
        ("ｏｐｅｎ Ｊｏｈｎ Ｓｍｉｔｈ", ["Ｊｏｈｎ", "Ｓｍｉｔｈ"]),
        ("Иванов: segment L3", ["Иванов"]),
        ("患者张伟的L3加三个点", ["张伟"]),
        ("患者張偉的L3加三個點", ["張偉"]),
        ("王主任说要加三个点", ["王"]),
        ("给李小龙的片子画框", ["李小龙"]),
        ("把欧阳娜娜的腰椎分割一下", ["欧阳", "娜娜"]),
        ("小明的片子", ["小明"]),
        ("CT from 12 March 2024", ["March", "2024"]),
        ("the 2024-03-05 scan", ["2024", "03-05"]),
        ("scan of 20240305", ["20240305"]),
        ("DOB 03/05/1956", ["1956", "03/05"]),
        ("last Tuesday's scan", ["Tuesday"]),
        ("2024年3月5日的扫描", ["2024", "3月", "5日"]),
        ("二〇二四年三月五日的扫描", ["二〇二四", "三月"]),
        ("a 54-year-old woman, segment L1", ["54"]),
        ("54岁女性", ["54"]),
        ("MRN 0012345 segment the spine", ["0012345"]),
        ("patient id is AB-123456, add a box", ["AB", "123456"]),
        ("accession number 20240312-001", ["20240312", "001"]),
        ("case #4711 please", ["4711"]),
        ("series 1.2.840.113619.2.55.3", ["840", "113619"]),
        ("call +49 170 1234567", ["170", "1234567"]),
        ("mail jane.doe@example.org", ["jane", "doe", "example"]),
        ("身份证 110101199003071234", ["110101"]),
        ("住院号A12345的L3", ["A12345"]),
        ("传到192.168.0.12", ["192", "168"]),
        ("open P00123", ["P00123"]),
        ("study 7f3a-99bc-12de", ["7f3a", "99bc"]),
        ("12床的病人", ["12"]),
        ("add points for Hope Rivers", ["Hope", "Rivers"]),
        ("mark L3 of Will Young", ["Will", "Young"]),
        ("the scan from Grace Long", ["Grace", "Long"]),
        ("open baker_l_1999", ["baker", "1999"]),
        ("陈大文的L3加三个点", ["陈大文"]),
        ("陈大文的腰3加三个点", ["陈大文"]),
        ("给3床的李建国加三个点", ["李建国"]),
        ("帮周杰伦测一下L1", ["周杰伦"]),
        ("阿依古丽·买买提的胸椎分割", ["阿依古丽", "买买提"]),
        ("born in nineteen fifty-six, segment L3", ["fifty-six"]),
        ("农历正月十五拍的片子", ["正月十五"]),
        ("患者司马光，男，五十六岁，分割腰椎", ["司马光", "五十六岁"]),
        ("Fatima Al-Zahra: box around L2", ["Fatima", "Zahra"]),
        ("show slice 40 of pt. Åsa Lindqvist born 7/8/61", ["Åsa", "Lindqvist", "7/8/61"]),
        ("scan from Charité Berlin, open", ["Charité", "Berlin"]),
        ("box around L2 in smith john's study", ["smith", "john"]),
    ],
)  # fmt: skip
def test_what_is_private_is_replaced_and_put_back(text: str, private: list[str]) -> None:
    redacted = redact(text)
    assert not [word for word in private if word in redacted.text], redacted.text
    assert redacted.restore(redacted.text) == text
    assert not [word for word in private if word in repr(redacted)]


@pytest.mark.parametrize(
    "text",
    [
        "add three points on the third lumbar vertebra", "box from (10, 20) to (60, 80)", "add 3 points at (100,120) and (130, 140)", "w1800 l400",
        "set the level to -400 and the width to 1500", "L1-L3, T11-L1, C1-7 and D12", "teh maks of L3 pls", "please rasterize the vertebra",
        "Kindly outline the third lumbar vertebra", "GENERATE POINT MASK", "Set Window To Bone", "next 5 slices then undo 2 steps", "show 3D",
        "is this a burst fracture or spondylolisthesis?", "may I have 3 boxes", "and/or L4/L5", "export as nii.gz", "slice #12", "goto 55", "thirteen points on T13", "generate_point_mask L3_L4", "acute or chronic fracture of L1", "512x512",
        "请把第三腰椎框出来", "切换到矢状面", "窗宽1800窗位400", "帮我描出来第二腰椎的轮廓", "向下传播到骶骨", "给腰3加三个点", "给任意一节加点", "替我把框删掉", "给边界框做分割", "高亮腰椎", "把高亮的L3去掉", "方框的L3", "在(100,120)加一个背景点", "方框任意放",
    ],
)  # fmt: skip
def test_what_the_program_talks_about_stays(text: str) -> None:
    assert redact(text).text == text


def test_placeholders_are_put_back_wherever_an_answer_holds_them() -> None:
    redacted = redact("open /a/b.nii.gz for Anna and export it to /a/b.nii.gz")
    assert redacted.text == "open <PATH_1> for <NAME_1> and export it to <PATH_1>"
    answer = {"path": "<PATH_1>", "at": ["path_1", 3], "note": "for <name_1>, <PATH_9>"}
    assert redacted.restore(answer) == {"path": "/a/b.nii.gz", "at": ["/a/b.nii.gz", 3], "note": "for Anna, <PATH_9>"}


def test_what_only_looks_like_a_placeholder_is_one_more_identifier() -> None:
    redacted = redact("open <PATH_1> and /secret/x.nii")
    assert redacted.text == "open <ID_1> and <PATH_1>"
    assert redacted.restore(redacted.text) == "open <PATH_1> and /secret/x.nii"


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\ue000"), max_size=80))
def test_any_text_survives_and_no_long_number_gets_through(text: str) -> None:
    redacted = redact(text)
    assert redacted.restore(redacted.text) == text
    assert not re.search(r"(?<![\d.])[0-9]{5}", redacted.text)


def test_half_a_character_does_not_get_in_the_way() -> None:
    assert redact("open \ud800 L3").text.encode()
