"""The self-test of a node on its bench: each peripheral that the wiring promises, one check at a time, for a tool.

Never runs beside the application: somebody at the REPL has stopped it. Never judges what only a person can see.
Specification: README.md of firmware, "Self-test"; the tool that asks is tools/field.

A check is `async check(hal, config, given)`, from a module of this folder; it returns a Finding: `good` is True or
False, or None when a person has to say; `cause` names what is likely wrong, `facts` are numbers for its sentence.
"""

import asyncio
import json
from collections import namedtuple

from firmware import settings
from firmware.boot import board

Finding = namedtuple("Finding", ("good", "cause", "facts"))
GOOD, SEEN_BY_A_PERSON = Finding(True, "", {}), Finding(None, "", {})
NOT_FITTED = Finding(None, "not_fitted", {})  # the settings say that it is not there

# kind: (check, the module of this folder that has it)
EVERY = (("flash", "parts"), ("uplink", "line"))
CHECKS = {
    "fare_validator": EVERY
    + (
        ("reader", "cards"),
        ("gnss", "cards"),
        ("light", "parts"),
        ("beeper", "parts"),
        ("cash_button", "contacts"),
    ),
    "stop_display": EVERY + (("panel", "parts"), ("light", "parts")),
    "air_sensor": EVERY
    + (
        ("climate", "air"),
        ("particles", "air"),
        ("converters", "air"),
        ("wind", "air"),
        ("door", "contacts"),
        ("maintenance_switch", "contacts"),
        ("light", "parts"),
    ),
    "utility_meter": EVERY
    + (("meters", "meters"), ("pulse_inputs", "contacts"), ("cover", "contacts"), ("light", "parts")),
}


def bad(cause, **facts):
    return Finding(False, cause, facts)


def provided_settings(hal):
    """Raises SettingsFault."""
    return settings.read(
        hal.settings_path(), lambda kind: __import__("firmware.nodes." + kind, None, None, ("CONFIG",)).CONFIG
    )


def check(name, given):
    """Print the Finding of one check as JSON."""
    hal = board("hal")
    provided = provided_settings(hal)
    module = __import__("firmware.selftest." + dict(CHECKS[provided.kind])[name], None, None, (name,))
    try:
        found = asyncio.run(getattr(module, name)(hal, provided, given))
    except Exception as fault:  # a driver in a state that nobody thought of: red, and the next check
        found = bad("fault", fault=type(fault).__name__ + " " + str(fault))
    print(json.dumps({"good": found.good, "cause": found.cause, "facts": found.facts}))
