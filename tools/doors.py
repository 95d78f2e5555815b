"""What opens and closes an installation's doors: the master key of the nodes' keys, and a foreign broker's files.

Never shows a key or a password: they go from file to file.
Specification: README.md, `vuzol keys`, `vuzol broker-acl`; controller/admin/README.md.
"""

import json
from pathlib import Path

from tools.errors import DONE, UsageError
from tools.texts import say


def rotate(config: Path, *, as_json: bool, language: str) -> int:
    """Seal nodes' keys and second factors under a new master key. Raises UsageError."""
    from controller.admin import keys

    try:
        nodes, people = keys.rotate(config)
    except keys.KeysError as error:
        raise UsageError(str(error)) from None
    told = {"sealed": nodes, "second_factors": people}
    print(json.dumps(told) if as_json else say(language, "keys_rotated", nodes=nodes, people=people))
    return DONE


def broker_acl(config: Path, to: Path, *, as_json: bool, language: str) -> int:
    """Write what mosquitto needs to keep everybody to his own topics. Raises UsageError."""
    from controller.admin import mosquitto

    try:
        files = mosquitto.write(config, to)
    except mosquitto.AclError as error:
        raise UsageError(str(error)) from None
    if as_json:
        print(json.dumps({"files": [str(one) for one in files]}))
    else:
        print(say(language, "acl_written", folder=to))
    return DONE
