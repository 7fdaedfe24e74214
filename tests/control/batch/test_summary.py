"""The table and the page: complete, escaped, without anything from outside; and the flags in them."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spinalsam.control.batch import flags
from spinalsam.control.batch.summary import csv_text, page, write_summaries


def vertebra(label: int, name: str, volume_ml: float | None, **changes: Any) -> dict[str, Any]:
    row = {"label": label, "name": name, "volume_ml": volume_ml, "mean_hu": 150.0, "confidence": 0.9, "certainty": 0.95}
    return {**row, "agreement": 0.9, "partial": False, "doubtful": False, "largest_piece": 1.0, "flags": [], **changes}


def record(case: str, **changes: Any) -> dict[str, Any]:
    whole = {"case": case, "status": "done", "reason": "", "flags": [], "notes": [], "vertebrae": [], "sentences": ["segment the spine"]}
    model = {"name": "compact", "checksum": "a" * 64}
    return {**whole, "model": model, "version": "0", "seconds": 1.5, "code": 0, **changes}


def test_every_case_has_a_line_and_every_vertebra_its_own() -> None:
    one = record("case-1", vertebrae=[vertebra(20, "L1", 40.0, cobb_deg=3.5), vertebra(21, "L2", 41.0)], flags=["partial", "merged?"])
    two = record("case-2", status="failed", reason="=HYPERLINK(1)", flags=["failed"])
    rows = list(csv.DictReader(io.StringIO(csv_text([one, two]))))
    assert [(row["case"], row["name"]) for row in rows] == [("case-1", "L1"), ("case-1", "L2"), ("case-2", "")]
    assert rows[0]["case_flags"] == "partial; merged?"
    assert float(rows[0]["cobb_deg"]) == 3.5
    assert rows[2]["reason"] == "'=HYPERLINK(1)"


def test_pandas_reads_the_table(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    write_summaries([record("case-1", vertebrae=[vertebra(20, "L1", 40.0)]), record("case-2", status="failed")], tmp_path)
    frame = pandas.read_csv(tmp_path / "summary.csv")
    assert frame["volume_ml"].dropna().tolist() == [40.0]
    assert len(frame) == 2


class Links(HTMLParser):
    """Everything in a page that could be fetched, and all its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data", "action", "poster")]


def test_the_page_asks_for_nothing_and_runs_nothing_that_a_name_says(tmp_path: Path) -> None:
    nasty = '"><script>alert(1)</script><img src="http://example.com/x">'
    (tmp_path / "case-1").mkdir()
    Image.new("RGB", (300, 200)).save(tmp_path / "case-1" / "preview.png")
    one = record("case-1", preview="preview.png", notes=[nasty], answers=[nasty], sentences=[nasty], vertebrae=[vertebra(201, nasty, None)])
    text = page([one, record(nasty, reason=nasty, flags=[nasty])], tmp_path, title=nasty)
    links = Links()
    links.feed(text)
    assert links.tags.count("script") == 1
    assert links.found and all(link.startswith("data:image/jpeg;base64,") for link in links.found)
    assert not re.search(r"(?:url\(|@import|https?://)(?!example)", text)
    assert "default-src 'none'" in text
    assert "$" not in re.sub(r"base64,[^\"]*", "", text)


def test_a_vertebra_twice_as_large_as_its_neighbours_may_be_two() -> None:
    rows = [vertebra(20, "L1", 40.0), vertebra(21, "L2", 85.0), vertebra(22, "L3", 44.0), vertebra(23, "L4", 12.0)]
    flags.mark(rows)
    assert [row["flags"] for row in rows] == [[], ["merged?"], [], ["incomplete?"]]


def test_what_the_edge_cuts_is_partial_and_no_measure_for_others() -> None:
    rows = [vertebra(19, "T12", 10.0, partial=True), vertebra(20, "L1", 40.0), vertebra(21, "L2", 42.0)]
    flags.mark(rows)
    assert [row["flags"] for row in rows] == [["partial"], [], []]


def test_unknown_and_unsure_levels_are_ambiguous_and_pieces_are_told() -> None:
    rows = [vertebra(201, "vertebra 1", 40.0), vertebra(21, "L2", 42.0, certainty=0.55, doubtful=True, largest_piece=0.8)]
    flags.mark(rows)
    assert [row["flags"] for row in rows] == [["naming ambiguous"], ["naming ambiguous", "planes disagree", "in pieces"]]
    assert flags.of_case(rows) == ["naming ambiguous", "planes disagree", "in pieces"]


def test_a_level_that_is_missing_between_others_is_told() -> None:
    found, said = flags.level_flags({20: (0, 0, 60.0), 22: (0, 0, 0.0)})
    assert found == ["levels out of order"] and "L2 is missing" in said[0]
