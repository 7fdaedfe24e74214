"""Model cards: one TOML file a model says what it is, where its weights come from, and how a slice is prepared for it.

Cards that come with the program lie in models/; those of imported and trained models in the user's data folder beside their
weights. Nothing here imports torch, so listing models is fast.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinalsam import assets
from spinalsam.errors import ModelError
from spinalsam.settings import data_dir, write_atomically
from spinalsam.support.calls import suggest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_MODEL = "compact"
ARCHITECTURES = ("compact", "vit_b", "vit_l", "vit_h", "adapter", "locator")
_NAME = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,63}$")


@dataclass(frozen=True)
class Download:
    """Where the published weights are. file: their name there. sha256: of that file, empty where it is not known."""

    url: str
    file: str
    sha256: str = ""
    bytes: int = 0


@dataclass(frozen=True)
class ModelCard:
    """A model as its card describes it.

    file, sha256, bytes: its safetensors; the checksum is empty where the card does not fix it (converted downloads).
    base: for an "adapter", the name of the model that it adapts. img_size: side of SAM's square input.
    """

    name: str
    architecture: str
    file: str
    title: str = ""
    description: str = ""
    licence: str = ""
    source: str = ""
    sha256: str = ""
    bytes: int = 0
    base: str = ""
    img_size: int = 1024
    download: Download | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    comes_with_program: bool = False

    @property
    def path(self) -> Path:
        """Where the weights are, or would be."""
        shipped = assets.checkpoints_dir() / self.file
        return shipped if self.comes_with_program and shipped.exists() else user_models_dir() / self.file

    @property
    def is_here(self) -> bool:
        return self.path.is_file()


def user_models_dir() -> Path:
    """Weights and cards of downloaded, imported and trained models."""
    return data_dir() / "models"


def read_card(path: Path, *, comes_with_program: bool = False) -> ModelCard:
    """Raises ModelError when the card is not TOML, lacks something or names an unknown architecture."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
        checkpoint, download = value.get("checkpoint", {}), value.get("download")
        card = ModelCard(
            name=value["name"],
            architecture=value["architecture"],
            file=checkpoint["file"],
            title=value.get("title", value["name"]),
            description=value.get("description", ""),
            licence=value.get("licence", ""),
            source=value.get("source", ""),
            sha256=checkpoint.get("sha256", ""),
            bytes=checkpoint.get("bytes", 0),
            base=value.get("base", ""),
            img_size=value.get("img_size", 1024),
            download=Download(**download) if download else None,
            preprocessing=value.get("preprocessing", {}),
            figures=value.get("figures", {}),
            comes_with_program=comes_with_program,
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The model card '{path.name}' is damaged: {error}.") from error
    if card.architecture not in ARCHITECTURES or Path(card.file).name != card.file:
        raise ModelError(f"The model card '{path.name}' names an unknown architecture or a file outside its folder.")
    return card


def all_cards() -> dict[str, ModelCard]:
    """Every card by name: the program's own first, then the user's. A damaged card of the user's is passed over."""
    cards: dict[str, ModelCard] = {}
    for path in sorted(assets.models_dir().glob("*.toml")):
        card = read_card(path, comes_with_program=True)
        if card.architecture != "locator":  # it finds vertebrae, and takes no prompts
            cards[card.name] = card
    for path in sorted(user_models_dir().glob("*.toml")):
        try:
            card = read_card(path)
        except ModelError:
            continue
        cards.setdefault(card.name, card)
    return dict(sorted(cards.items(), key=lambda item: (item[0] != DEFAULT_MODEL, not item[1].comes_with_program)))


def locator_card() -> ModelCard:
    """The card of the network that finds vertebrae; it comes with the program and is no model to choose."""
    return read_card(assets.models_dir() / "locator.toml", comes_with_program=True)


def find_card(name: str | None = None) -> ModelCard:
    """The card of a model, the default's for None. Raises ModelError with the nearest name for an unknown one."""
    cards = all_cards()
    wanted = name or DEFAULT_MODEL
    if wanted not in cards:
        raise ModelError(f"There is no model '{wanted}'; there are {', '.join(cards)}.{suggest(wanted, list(cards))}")
    return cards[wanted]


def check_name(name: str) -> str:
    """The name, if a new model may bear it. Raises ModelError."""
    if not _NAME.match(name):
        raise ModelError(f"'{name}' cannot be a model's name; use lower-case letters, digits, '_', '-' and '.'.")
    card = all_cards().get(name)
    if card is not None and card.comes_with_program:
        raise ModelError(f"'{name}' is the name of a model that comes with the program; choose another name.")
    return name


def write_user_card(card: ModelCard) -> Path:
    """Keep a card in the user's data folder. Raises OutputError."""
    value: dict[str, Any] = {
        "name": card.name,
        "title": card.title or card.name,
        "description": card.description,
        "architecture": card.architecture,
        "licence": card.licence,
        "source": card.source,
        "img_size": card.img_size,
    }
    if card.base:
        value["base"] = card.base
    value["checkpoint"] = {"file": card.file, "sha256": card.sha256, "bytes": card.bytes}
    value["preprocessing"] = dict(card.preprocessing)
    value["figures"] = dict(card.figures)
    path = user_models_dir() / f"{card.name}.toml"
    write_atomically(path, to_toml(value).encode("utf-8"))
    return path


def to_toml(value: Mapping[str, Any]) -> str:
    """TOML of plain values and of tables one level deep, the tables last."""
    plain = [f"{_key(key)} = {_toml_value(item)}" for key, item in value.items() if not isinstance(item, Mapping)]
    lines = ["\n".join(plain)]
    for key, item in value.items():
        if isinstance(item, Mapping):
            lines.append("\n".join([f"\n[{_key(key)}]", *[f"{_key(k)} = {_toml_value(v)}" for k, v in item.items()]]))
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml_value(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return repr(value)


def sha256_of(path: Path) -> str:
    """Raises ModelError when the file cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() if sys.version_info >= (3, 11) else _digest(file)
    except OSError as error:
        raise ModelError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def _digest(file: Any) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def checksum(card: ModelCard) -> str:
    """SHA-256 of the weights. Of a large file that was hashed before and has not been touched since, as it was recorded.

    Raises ModelError when the weights are not here, or are not those of the card.
    """
    path = card.path
    if not path.is_file():
        raise ModelError(missing_weights(card))
    stat, record = path.stat(), read_record(path)
    known = record.get("bytes") == stat.st_size and record.get("mtime_ns") == stat.st_mtime_ns
    found = str(record["sha256"]) if known and record.get("sha256") else sha256_of(path)
    if card.sha256 and found != card.sha256:
        raise ModelError(
            f"The weights of '{card.name}' ({path.name}) are not those of its card: the checksum is {found[:12]}…, "
            f"not {card.sha256[:12]}…; get the file again."
        )
    return found


def missing_weights(card: ModelCard) -> str:
    """What to do when a model's weights are not here."""
    if card.download is not None:
        return (
            f"The weights of '{card.name}' are not here; run 'spinalsam models download {card.name}', or download "
            f"{card.download.url} elsewhere and run 'spinalsam models import FILE'."
        )
    return f"The weights of '{card.name}' ({card.file}) are missing; install SpinalSAM again or import the model again."


def record_path(weights: Path) -> Path:
    return weights.with_name(weights.name + ".json")


def read_record(weights: Path) -> dict[str, Any]:
    """What was written down when the file was converted: sha256, bytes, mtime_ns, source_sha256, source_file."""
    try:
        value = json.loads(record_path(weights).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_record(weights: Path, **facts: Any) -> str:
    """Hash the file and write it down beside it; returns the SHA-256."""
    stat, found = weights.stat(), sha256_of(weights)
    record = {"sha256": found, "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, **facts}
    write_atomically(record_path(weights), (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    return found


def record_checksum(name: str = DEFAULT_MODEL, *, figures: Mapping[str, Any] | None = None) -> str:
    """Write the shipped checkpoint's SHA-256 and size into its card, comments kept; returns the SHA-256.

    figures: replaces the card's last table where given. Training's export calls this. Raises ModelError.
    """
    path = assets.models_dir() / f"{name}.toml"
    card = read_card(path, comes_with_program=True)
    weights = assets.checkpoints_dir() / card.file
    found = sha256_of(weights)
    text = path.read_text(encoding="utf-8")
    text, hashes = re.subn(r'(?m)^(\[checkpoint\](?:\n(?!\[).*)*?\nsha256 = )".*"$', rf'\g<1>"{found}"', text)
    text, sizes = re.subn(r"(?m)^(\[checkpoint\](?:\n(?!\[).*)*?\nbytes = )\d+$", rf"\g<1>{weights.stat().st_size}", text)
    if (hashes, sizes) != (1, 1):
        raise ModelError(f"The model card '{path.name}' has no sha256 and bytes under [checkpoint] to fill in.")
    if figures is not None:
        text = re.sub(r"(?ms)^\[figures\].*\Z", "", text).rstrip() + "\n" + to_toml({"figures": dict(figures)})
    write_atomically(path, text.encode("utf-8"))
    return found
