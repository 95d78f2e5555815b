"""Runs the cases of a module, on MicroPython or CPython: every function whose name is a sentence of a test.

It must never know what is tested: `python -m firmware.tests.device.cases MODULE` prints one JSON line a case.
Spec: firmware/tests/on_device.py, which starts it on MicroPython and reads the lines.
"""

import io
import json
import sys


def run(module_name):
    module = __import__("firmware.tests.device." + module_name, None, None, ("test",))
    for name in sorted(dir(module)):
        if not name.startswith("test_"):
            continue
        failure = ""
        try:
            getattr(module, name)()
        except Exception as error:
            text = io.StringIO()
            sys.print_exception(error, text)
            failure = text.getvalue()
        print(json.dumps({"case": name, "failure": failure}))


if __name__ == "__main__":
    run(sys.argv[1])
