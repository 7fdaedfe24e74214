"""Model cards: read, written, found, and kept honest by checksums."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys

import pytest

from spinalsam import assets
from spinalsam.engine import cards
from spinalsam.engine.cards import ModelCard, read_card, to_toml, write_user_card
from spinalsam.errors import ModelError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINALSAM_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def own_assets(tmp_path, monkeypatch):
    """A copy of the program's cards, which a test may change."""
    shutil.copytree(assets.models_dir(), tmp_path / "models")
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.setattr(assets, "assets_dir", lambda: tmp_path)
    return tmp_path


def test_the_programs_cards_are_complete() -> None:
    found = cards.all_cards()
    assert next(iter(found)) == "compact"
    assert {"sam_vit_b", "sam_vit_l", "sam_vit_h", "medsam_vit_b"} <= set(found)
    for card in found.values():
        assert card.comes_with_program
        assert card.licence
        assert card.source
        if card.download:
            assert card.download.url.startswith("https://")
            assert len(bytes.fromhex(card.download.sha256)) == 32
            assert card.download.bytes > 10**8


def test_each_programs_card_names_a_preprocessing_that_exists() -> None:
    from spinalsam.engine.sam import Preprocessing

    for card in cards.all_cards().values():
        if card.architecture != "compact":
            assert Preprocessing(**card.preprocessing).width_hu > 0


def test_the_shipped_checkpoint_is_the_one_of_its_card() -> None:
    card = cards.find_card("compact")
    if not card.sha256:
        pytest.skip("the card of the compact model has no checksum yet")
    assert cards.checksum(card) == card.sha256
    assert card.path.stat().st_size == card.bytes


def test_an_unknown_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ModelError, match="Did you mean 'compact'"):
        cards.find_card("compakt")


def test_a_users_card_is_written_and_found_again() -> None:
    card = ModelCard(
        name="mine",
        architecture="vit_b",
        file="mine.safetensors",
        title='A "quoted" title\nwith lines',
        sha256="ab",
        bytes=7,
        img_size=512,
        preprocessing={"level_hu": 40.0, "resize": "square"},
        figures={"dice": 0.9, "cases": 3, "final": True},
    )
    write_user_card(card)
    found = cards.find_card("mine")
    assert found == card
    assert not found.is_here


def test_a_users_card_cannot_take_the_place_of_the_programs() -> None:
    write_user_card(ModelCard(name="compact", architecture="vit_b", file="evil.safetensors"))
    assert cards.find_card("compact").comes_with_program
    with pytest.raises(ModelError, match="comes with the program"):
        cards.check_name("compact")


@pytest.mark.parametrize("name", ["", "../evil", "Upper", "a b", ".hidden", "x" * 65])
def test_names_that_cannot_be_files_are_refused(name) -> None:
    with pytest.raises(ModelError, match="cannot be a model's name"):
        cards.check_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        'name = "x"',
        'name = "x"\narchitecture = "unet"\n[checkpoint]\nfile = "x.safetensors"',
        'name = "x"\narchitecture = "vit_b"\n[checkpoint]\nfile = "../x.safetensors"',
    ],
)
def test_a_damaged_card_is_refused_and_a_users_is_passed_over(tmp_path, text) -> None:
    path = cards.user_models_dir() / "x.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ModelError, match=r"x\.toml"):
        read_card(path)
    assert "x" not in cards.all_cards()


def test_toml_that_is_written_is_read_as_it_was() -> None:
    value = {"text": 'a "b" \\ \x7f é', "n": 3, "f": 0.5, "t": True, "list": ["a", 1], "table": {"odd key": "v"}}
    assert tomllib.loads(to_toml(value)) == value


def test_recording_a_checksum_keeps_the_cards_comments(own_assets) -> None:
    weights = own_assets / "checkpoints" / "compact.safetensors"
    weights.write_bytes(b"weights")
    before = (own_assets / "models" / "compact.toml").read_text()
    found = cards.record_checksum("compact", figures={"dice_box": 0.91})
    card = cards.find_card("compact")
    assert found == hashlib.sha256(b"weights").hexdigest() == card.sha256 == cards.checksum(card)
    assert (card.bytes, card.figures) == (7, {"dice_box": 0.91})
    after = (own_assets / "models" / "compact.toml").read_text()
    assert [line for line in before.splitlines() if line.startswith("#")] == [line for line in after.splitlines() if line.startswith("#")]


def test_weights_that_are_not_the_cards_are_refused(own_assets) -> None:
    weights = own_assets / "checkpoints" / "compact.safetensors"
    weights.write_bytes(b"weights")
    cards.record_checksum("compact")
    weights.write_bytes(b"tampered")
    with pytest.raises(ModelError, match="not those of its card"):
        cards.checksum(cards.find_card("compact"))


def test_missing_weights_say_how_to_get_them(own_assets) -> None:
    with pytest.raises(ModelError, match=r"spinalsam models download sam_vit_b.*models import FILE"):
        cards.checksum(cards.find_card("sam_vit_b"))
    with pytest.raises(ModelError, match="missing"):
        cards.checksum(cards.find_card("compact"))


def test_a_recorded_checksum_is_trusted_only_while_the_file_is_untouched(tmp_path) -> None:
    card = ModelCard(name="mine", architecture="vit_b", file="mine.safetensors")
    card.path.parent.mkdir(parents=True)
    card.path.write_bytes(b"one")
    first = cards.write_record(card.path)
    assert cards.checksum(card) == first == hashlib.sha256(b"one").hexdigest()
    card.path.write_bytes(b"other")
    assert cards.checksum(card) == hashlib.sha256(b"other").hexdigest()


def test_listing_models_loads_no_torch() -> None:
    code = "import sys; from spinalsam.engine.models import list_models; list_models(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
