"""How a line of the live view looks on a terminal: time, verdict, place, event, person and detail."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

_RECEIVED = ("received", "dim")
_VERDICTS = {
    "SUCCESSFULLY_RECEIVED": ("passed", "green"),
    "FAILED_ON_INGEST": ("refused", "red"),
    "FILTERED_AT_SOURCE": ("filtered", "yellow"),
    "FILTERED_AT_DESTINATION": ("filtered", "yellow"),
    "FAILED_DELIVERY": ("failed", "bold red"),
    "SUCCESSFUL_DELIVERY": ("delivered", "green"),
    "AWAITING_RETRY": ("retrying", "yellow"),
}
"""Short words: where it happened stands beside them."""
_LEVELS = {"throw": "bold red", "error": "red", "warn": "yellow", "debug": "dim"}
"""Of what functions print."""
_VERDICT_WIDTH, _PLACE_WIDTH, _EVENT_WIDTH, _PERSON_WIDTH = 9, 18, 18, 12
_DETAIL_WIDTH = 20
"""At least; a message id is cut there, a reason never."""


class TerminalLines:
    """Coloured lines."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def line(self, line: dict[str, Any]) -> None:
        self._console.print(rendered(line, self._console.width), soft_wrap=True)

    def notice(self, text: str) -> None:
        self._console.print(Text(f"— {printable(text)}", "dim"), soft_wrap=True)


def rendered(line: dict[str, Any], width: int = 100) -> Text:
    """One line; what senders wrote is shown as text, never obeyed by the terminal."""
    if line["step"] == "function":
        return _printed(line)
    verdict, style = _VERDICTS.get(line.get("outcome", ""), _RECEIVED)
    if line["step"] == "warehouse":
        verdict = "loaded"
    named = line.get("eventName") or line.get("eventType", "")
    person = line.get("userId") or line.get("anonymousId", "")
    text = Text()
    text.append(_clock(line["time"]), "dim")
    text.append(f"  {verdict:<{_VERDICT_WIDTH}}  ", style)
    text.append(_column(_place(line), _PLACE_WIDTH), "cyan" if line["step"] == "destination" else "")
    text.append("  " + _column(named, _EVENT_WIDTH), "bold" if line["step"] == "received" else "")
    text.append("  " + _column(person, _PERSON_WIDTH))
    text.append("  " + _detail(line, max(_DETAIL_WIDTH, width - len(text) - 2)), style)
    text.rstrip()
    return text


def _printed(line: dict[str, Any]) -> Text:
    """What a function printed, whole, for it is cut already."""
    level = line.get("level", "")
    style = _LEVELS.get(level, "")
    text = Text()
    text.append(_clock(line["time"]), "dim")
    text.append(f"  {_column(level, _VERDICT_WIDTH)}  ", style)
    text.append(_column(f"ƒ {line['functionId']}", _PLACE_WIDTH), "cyan")
    text.append(f"  {printable(line.get('text', ''))}", style)
    return text


def _clock(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _place(line: dict[str, Any]) -> str:
    if line["step"] == "destination":
        return f"→ {line.get('destination') or line['destinationId']}"
    if line["step"] == "warehouse":
        return "→ warehouse"
    return str(line.get("source", "") if line["step"] == "received" else line["step"])


def _detail(line: dict[str, Any], width: int) -> str:
    """What the verdict does not say: the reason, which attempt it was and how it was answered."""
    if line["step"] == "received":
        return f"{line['count']} events" if "count" in line else _column(line.get("messageId", ""), width).rstrip()
    reason = line.get("reason", "")
    if not (attempt := line.get("attempt")):
        return printable(reason)
    answered = [str(line["status"])] if "status" in line else []
    if not reason.startswith("successes.") and reason not in answered:
        answered.append(printable(reason))
    return f"attempt {attempt}: {' '.join(answered)}" if answered else f"attempt {attempt}"


def _column(text: str, width: int) -> str:
    shown = printable(text)
    return f"{shown[: width - 1]}…" if len(shown) > width else f"{shown:<{width}}"


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else "·" for character in text)
