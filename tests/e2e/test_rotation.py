"""A new installation key while everything runs: what holds secrets goes on, before and after the next start."""

import json
import subprocess
import sys

from penstock.testing.instance import Instance, wait_until
from penstock.testing.receiver import Receiver
from penstock.testing.sender import sender, track
from penstock.testing.setup import connect_webhook, create_source, data_of


def signatures(receiver):
    """Of what came to the webhook, by message id: none can be made without the secret."""
    return {each.json()["messageId"]: each.headers.get("x-signature") for each in receiver.requests}


def test_deliveries_are_signed_before_and_after_a_rotation_and_a_start(tmp_path):
    with Receiver() as receiver, Instance(tmp_path / "data") as instance:
        with instance.api() as api:
            source = create_source(api, "shop")
            destination = connect_webhook(api, source["id"], receiver.url + "/")
            changes = {"settings": {"sharedSecret": "s3cret"}}
            data_of(api.patch(f"/destinations/{destination['id']}", json=changes))
        write_key = source["writeKeys"][0]
        keys = [(instance.data / "secret.key").read_bytes()]
        for number in range(3):
            with sender(instance.url, write_key) as send:
                send.batch([track(f"m{number}", "Order", "u")])
            signed = wait_until(lambda number=number: signatures(receiver).get(f"m{number}"), what="a signed delivery")
            assert signed, number
            if number == 0:
                command = [sys.executable, "-m", "penstock.cli", "secrets", "rotate", "--data", str(instance.data)]
                rotated = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                assert rotated["secrets"] >= 2
                keys.append((instance.data / "secret.key").read_bytes())
            elif number == 1:
                instance.stop()
                instance.start()
        assert len(keys[0]) == 32
        assert keys[1][32:] == keys[0]
        with instance.api() as api:
            settings = data_of(api.get(f"/destinations/{destination['id']}"))["destination"]["settings"]
        assert settings["sharedSecret"] != "s3cret"
