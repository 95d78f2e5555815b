"""Run the golden vectors on whatever interpreter runs this file: CPython or MicroPython.

Prints one line for each vector that fails and ends with status 1 if there was one.

    micropython protocols/tests/run_vectors.py protocols/vectors
"""

import json
import os
import sys
from binascii import hexlify, unhexlify

from protocols.wire import (
    batch,
    command,
    document,
    ed25519,
    envelope,
    mac,
    mailbox,
    modbus_rtu,
    modbus_tcp,
    picture,
    receipt,
    registers,
    state,
)
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.sha512 import sha512

PARSERS = {"batch": batch, "receipt": receipt, "command": command, "state": state, "picture": picture}
PARSER_OF_TYPE = {1: batch, 2: receipt, 3: command, 4: state, 5: picture}

# RFC 4231, test cases 1, 2 and 6 (a key longer than the block)
HMAC_CASES = (
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
)

passed = 0
failed = 0


def check(name, ok):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED", name)


def load(folder, name):
    with open(folder + "/" + name) as file:
        return json.load(file)


def codec(name):
    return getattr(__import__("protocols.wire.messages." + name).wire.messages, name)


def class_of(module):
    return getattr(module, "".join(part[0].upper() + part[1:] for part in module.NAME.split("_")))


def from_json(value):
    if isinstance(value, str):
        return unhexlify(value)
    return tuple(value) if isinstance(value, list) else value


def raises(error, function, *arguments):
    try:
        function(*arguments)
    except error as caught:
        return caught
    return None


def run_messages(vectors):
    typical = {}
    for vector in vectors["good"]:
        module = codec(vector["message"])
        message = class_of(module)(**{name: from_json(value) for name, value in vector["fields"].items()})
        data = unhexlify(vector["hex"])
        check(vector["message"] + " build", module.build(message) == data)
        check(vector["message"] + " parse", module.parse(data) == message)
        check(vector["message"] + " parse newer", module.parse(data + b"later", True) == message)
        typical[vector["message"]] = vector["fields"]
    for vector in vectors["malformed"]:
        module = codec(vector["message"])
        error = raises(MalformedFrame, module.parse, unhexlify(vector["hex"]))
        check(vector["message"] + " " + vector["why"], error is not None and error.reason == "malformed")
    for vector in vectors["unencodable"]:
        module = codec(vector["message"])
        fields = {name: from_json(value) for name, value in typical[vector["message"]].items()}
        fields[vector["field"]] = from_json(vector["value"])
        error = raises(EncodeError, module.build, class_of(module)(**fields))
        check(vector["message"] + "." + vector["field"] + " out of range", error is not None)


def as_json(value):
    if isinstance(value, (bytes, bytearray)):
        return hexlify(value).decode()
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def run_envelopes(vectors):
    key, node = unhexlify(vectors["key"]), unhexlify(vectors["node"])
    for vector in vectors["good"]:
        data = unhexlify(vector["hex"])
        envelope_type, from_node, boot_id, payload = envelope.unseal(key, data)
        header = (envelope_type, from_node, boot_id)
        check(vector["name"] + " header", header == (vector["type"], node, vector["boot_id"]))
        check(vector["name"] + " seal", envelope.seal(key, envelope_type, node, boot_id, payload) == data)
        parsed = PARSER_OF_TYPE[envelope_type].parse(payload)
        if "records" in vector:
            kinds = [record.kind for record in parsed]
            check(vector["name"] + " records", kinds == [expected["kind"] for expected in vector["records"]])
            records = [unhexlify(expected["hex"]) for expected in vector["records"]]
            check(vector["name"] + " build", batch.build(key, node, boot_id, records) == data)
        else:
            for name, expected in vector.items():
                if name not in ("name", "hex", "type", "boot_id"):
                    check(vector["name"] + "." + name, as_json(getattr(parsed, name)) == expected)
    for vector in vectors["malformed"]:
        error = raises(MalformedFrame, envelope.unseal, key, unhexlify(vector["hex"]))
        check(vector["name"], error is not None and error.reason == vector["reason"])
    for vector in vectors["malformed_payloads"]:
        error = raises(MalformedFrame, PARSERS[vector["type"]].parse, unhexlify(vector["hex"]))
        check(vector["type"] + " " + vector["name"], error is not None and error.reason == "malformed")


def run_documents(vectors):
    """Offer, request and chunk: one module with a parser for each."""
    key, node = unhexlify(vectors["key"]), unhexlify(vectors["node"])
    parse = {"offer": document.parse_offer, "request": document.parse_request, "chunk": document.parse_chunk}
    made_of = {"offer": document.Offer, "request": document.Request, "chunk": document.Chunk}
    for vector in vectors["good"]:
        data = unhexlify(vector["hex"])
        envelope_type, from_node, boot_id, payload = envelope.unseal(key, data)
        check(
            vector["name"] + " header", (envelope_type, from_node, boot_id) == (vector["type"], node, vector["boot_id"])
        )
        (kind,) = [kind for kind in parse if kind in vector]
        one = made_of[kind](**{name: from_json(value) for name, value in vector[kind].items()})
        check(vector["name"] + " parse", parse[kind](payload) == one)
        if kind == "offer":
            built = document.build_offer(key, node, one)
        elif kind == "chunk":
            built = document.build_chunk(key, node, boot_id, one)
        else:
            built = envelope.seal(key, envelope.DOCUMENT_REQUEST, node, boot_id, document.build_request(one))
        check(vector["name"] + " build", built == data)
    for vector in vectors["malformed_payloads"]:
        error = raises(MalformedFrame, parse[vector["type"]], unhexlify(vector["hex"]))
        check(vector["type"] + " " + vector["name"], error is not None and error.reason == "malformed")


def run_signatures(vectors):
    """SHA-512 and Ed25519, verified only."""
    for vector in vectors["sha512"]:
        digest = sha512(unhexlify(vector["message"]))
        check("SHA-512 of " + str(len(vector["message"]) // 2), hexlify(digest).decode() == vector["digest"])
    for name, expected in (("good", True), ("bad", False)):
        for vector in vectors[name]:
            one = [unhexlify(vector[field]) for field in ("public", "message", "signature")]
            check(vector["name"], list(ed25519.verify(*one))[-1] is expected)


def run_modbus(vectors):
    """Frames on a line and on TCP, the mailbox, the registers that all kinds have."""
    length_of = {"request": modbus_rtu.request_length, "response": modbus_rtu.response_length}
    for vector in vectors["rtu"]:
        unit, pdu, frame = vector["unit"], unhexlify(vector["pdu"]), unhexlify(vector["frame"])
        check(vector["name"] + " build", modbus_rtu.build(unit, pdu) == frame)
        check(vector["name"] + " check", modbus_rtu.check(frame) == (unit, pdu))
        check(vector["name"] + " length", length_of[vector["direction"]](frame[: modbus_rtu.HEAD_SIZE]) == len(frame))
    for vector in vectors["tcp"]:
        fields, pdu, data = (vector["transaction"], vector["unit"]), unhexlify(vector["pdu"]), unhexlify(vector["hex"])
        check(vector["name"] + " build", modbus_tcp.build(fields[0], fields[1], pdu) == data)
        header = modbus_tcp.parse_header(data[: modbus_tcp.HEADER_SIZE])
        check(vector["name"] + " parse", header == fields + (len(pdu),))
    for vector in vectors["registers"]:
        data = registers.pack(registers.COMMON, tuple(vector["values"]))
        check("registers, " + vector["name"], data == unhexlify(vector["hex"]))
    for vector in vectors["mailbox"]["status"]:
        data, status = unhexlify(vector["hex"]), mailbox.Status(*vector["fields"])
        check("mailbox status", mailbox.pack_status(status) == data and mailbox.unpack_status(data) == status)
    carried = unhexlify(vectors["mailbox"]["envelope"])
    for vector in vectors["mailbox"]["down"]:
        number, offset, data = vector["number"], vector["offset"], unhexlify(vector["hex"])
        piece = carried[offset : offset + mailbox.MAX_DOWN_DATA]
        check("mailbox, " + vector["name"] + " build", mailbox.pack_down(carried, number, offset) == data)
        taken = mailbox.unpack_down(data)
        check("mailbox, " + vector["name"] + " parse", taken == mailbox.Chunk(number, len(carried), offset, piece))
    for name, parse, malformed in (
        ("RTU", modbus_rtu.check, vectors["rtu_malformed"]),
        ("TCP", modbus_tcp.parse_header, vectors["tcp_malformed"]),
        ("mailbox status", mailbox.unpack_status, vectors["mailbox"]["status_malformed"]),
        ("mailbox", mailbox.unpack_down, vectors["mailbox"]["down_malformed"]),
    ):
        for vector in malformed:
            error = raises(MalformedFrame, parse, unhexlify(vector["hex"]))
            check(name + ", " + vector["name"], error is not None and error.reason == vector["reason"])


def main(folder):
    for key, data, expected in HMAC_CASES:
        check("RFC 4231", hexlify(mac.hmac_sha256(key, data)).decode() == expected)
    for name in sorted(os.listdir(folder)):
        if name.startswith("messages_"):
            run_messages(load(folder, name))
    run_envelopes(load(folder, "envelopes_v1.json"))
    run_documents(load(folder, "documents_v1.json"))
    run_signatures(load(folder, "signatures_v1.json"))
    run_modbus(load(folder, "modbus_v1.json"))
    print(passed, "vectors agree,", failed, "failed on", sys.implementation.name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
