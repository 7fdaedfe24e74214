"""Where a language model is asked: any OpenAI-compatible address, and the usual ones by name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from spinalsam.errors import UsageError
from spinalsam.settings import Settings

# How a model is asked for calls, strictest first; what a server does not know is asked for in the next way.
STYLES = ("tools", "json_schema", "json_object", "text")


@dataclass(frozen=True)
class Preset:
    """A service by name. style: the first of STYLES that it is asked in. needs_key: whether it answers nobody without one."""

    name: str
    url: str
    model: str
    style: str
    needs_key: bool = False


PRESETS: tuple[Preset, ...] = (
    Preset("DeepSeek", "https://api.deepseek.com/v1", "deepseek-reasoner", "json_object", needs_key=True),
    Preset("Ollama", "http://127.0.0.1:11434/v1", "deepseek-r1", "json_schema"),
    Preset("vLLM", "http://127.0.0.1:8000/v1", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "json_schema"),
    Preset("llama.cpp", "http://127.0.0.1:8080/v1", "deepseek-r1", "json_schema"),
    Preset("LM Studio", "http://127.0.0.1:1234/v1", "deepseek-r1-distill-qwen-7b", "json_schema"),
)


@dataclass(frozen=True)
class Endpoint:
    """One address with one model. url: up to and with ``/v1``. timeout_s: for a whole answer, repair and retries included.

    Raises UsageError for an address that is not a plain http or https one.
    """

    url: str
    model: str
    style: str = "json_schema"
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        if parts.scheme not in ("http", "https") or not host or not self.url.isascii() or any(c.isspace() for c in self.url):
            raise UsageError(f"The language endpoint '{_without_user(self.url)}' is no address such as https://api.deepseek.com/v1.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise UsageError("The address of a language endpoint holds no name, password or question mark; a key has its own place.")
        if not self.model.strip():
            raise UsageError("The language endpoint needs the name of a model.")
        if self.style not in STYLES:
            raise UsageError(f"A model is asked in one of the ways {', '.join(STYLES)}, not '{self.style}'.")

    @property
    def host(self) -> str:
        """Host and, where it is said, port."""
        return urlsplit(self.url).netloc.lower()

    @property
    def is_local(self) -> bool:
        """Whether it is this very machine."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    @property
    def may_carry_key(self) -> bool:
        """A key travels encrypted or not at all."""
        return self.is_local or urlsplit(self.url).scheme == "https"

    @property
    def title(self) -> str:
        """What people call the model."""
        name = self.model.lower()
        return "DeepSeek-R1" if "deepseek-r1" in name or name == "deepseek-reasoner" else self.model

    @property
    def state(self) -> str:
        """'DeepSeek-R1 at api.deepseek.com'."""
        return f"{self.title} at {self.host}"


def endpoint_of(settings: Settings) -> Endpoint:
    """The endpoint that the settings name; DeepSeek's own where they leave it open. Raises UsageError."""
    url = settings.language_endpoint.strip().rstrip("/") or PRESETS[0].url
    preset = next((preset for preset in PRESETS if preset.url == url), None)
    model = settings.language_model.strip() or (preset.model if preset else PRESETS[0].model)
    style = {"tools": "tools", "json": "json_schema"}.get(settings.language_style) or (preset.style if preset else "json_schema")
    if settings.language_style == "json" and preset is not None and preset.style == "json_object":
        style = "json_object"
    return Endpoint(url, model, style, float(settings.language_timeout_s))


def _without_user(url: str) -> str:
    """The address as it may be shown: a password typed into it is not repeated."""
    return url.rpartition("@")[2] if "@" in url else url
