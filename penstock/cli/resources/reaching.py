"""Which installation a command asks, and with which token: what is named, else the one on the data directory."""

from pathlib import Path

from penstock.cli.refusal import refuse, warn
from penstock.client.asking import Asking


def reach(url: str, token: str, data: Path | None) -> Asking:
    if url and token:
        return Asking(url, token, on_warning=warn)
    if url:
        refuse("a token is needed: --token or PENSTOCK_TOKEN")
    return _beside(token, data)


def _beside(token: str, data: Path | None) -> Asking:
    """The instance on this machine; without a token, that of its first run."""
    from penstock.cli.options import data_directory
    from penstock.client.local import LocalClient, LocalError
    from penstock.client.run_record import read_run_record

    directory = data_directory(data)
    record = read_run_record(directory)
    if record is None:
        refuse(f"no Penstock runs on {directory}; another is named by --url or PENSTOCK_URL")
    try:
        known = token or LocalClient(directory).get("/penstock/first-run")["token"]
    except LocalError as error:
        refuse(error)
    return Asking(record.url, known, certificate=record.certificate, on_warning=warn)
