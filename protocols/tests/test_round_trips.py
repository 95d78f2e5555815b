"""construct, the generated codecs and the envelopes agree on whatever hypothesis thinks of."""

import contextlib
import importlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.generate import Field, fields_of, messages
from protocols.schema.message import Message
from protocols.wire import batch, command, document, envelope, picture, receipt, record, state, text, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.ranges import RangeSet

KEY = bytes(range(32))
NODE = bytes.fromhex("00000000000000a1")
PAYLOAD_PARSERS = (
    batch.parse, receipt.parse, command.parse, state.parse, picture.parse,
    document.parse_offer, document.parse_request, document.parse_chunk,
)  # fmt: skip

MESSAGES = list(messages())
bytes_strategy = st.binary(max_size=300)


def value_strategy(field: Field) -> st.SearchStrategy[Any]:
    if field.is_tail:
        return st.binary(max_size=100)
    if field.size:
        return st.binary(min_size=field.size, max_size=field.size)
    if field.is_flags:
        bits = [bit for _, bit in field.names]
        return st.lists(st.sampled_from(bits), unique=True).map(sum)
    if field.names:
        return st.sampled_from([number for _, number in field.names])
    width = {"b": 8, "h": 16, "i": 32, "q": 64}[field.code.lower()]
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if field.code.islower() else (0, 2**width - 1)
    one = st.integers(low, high)
    return one if field.count == 1 else st.tuples(*[one] * field.count)


def to_construct(fields: list[Field], values: dict[str, Any]) -> dict[str, Any]:
    named = {field.name: field for field in fields}
    return {
        name: {label: bool(value & bit) for label, bit in named[name].names} if named[name].is_flags else value
        for name, value in values.items()
    }


def refused_or_none(parse: Callable[..., Any], *arguments: Any) -> None:
    """Hostile bytes end in a value or in MalformedFrame; anything else fails the test by itself."""
    with contextlib.suppress(MalformedFrame):
        assert parse(*arguments) is not None


def message_class(module: Any) -> Any:
    return getattr(module, "".join(part.title() for part in module.NAME.split("_")))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_the_generated_codec_builds_what_construct_builds(message: Message) -> None:
    module = importlib.import_module(f"protocols.wire.messages.{message.name}")
    fields = fields_of(message)

    @given(st.fixed_dictionaries({field.name: value_strategy(field) for field in fields}))
    def agree(values: dict[str, Any]) -> None:
        built = module.build(message_class(module)(**values))
        assert built == message.body.build(to_construct(fields, values))
        assert module.parse(built)._asdict() == values

    agree()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_body_of_hostile_bytes_is_parsed_or_refused(message: Message) -> None:
    module = importlib.import_module(f"protocols.wire.messages.{message.name}")

    @given(bytes_strategy, st.booleans())
    def survive(data: bytes, newer: bool) -> None:
        refused_or_none(module.parse, data, newer)

    survive()


@given(bytes_strategy)
def test_hostile_payloads_are_parsed_or_refused(data: bytes) -> None:
    for parse in PAYLOAD_PARSERS:
        refused_or_none(parse, data)


@given(bytes_strategy)
def test_nobody_without_the_key_makes_an_envelope(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        envelope.unseal(KEY, data)


@given(st.binary(max_size=400), st.integers(0, 2**32 - 1), st.data())
def test_one_changed_bit_makes_an_envelope_unbelievable(payload: bytes, boot_id: int, data: st.DataObject) -> None:
    sealed = bytearray(envelope.seal(KEY, envelope.BATCH, NODE, boot_id, payload))
    assert envelope.unseal(KEY, bytes(sealed)) == (envelope.BATCH, NODE, boot_id, payload)
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MalformedFrame):
        envelope.unseal(KEY, bytes(sealed))


records_strategy = st.lists(
    st.tuples(
        st.integers(1, record.MAX_KIND),
        st.integers(0, 255),
        st.integers(0, 3),
        st.integers(1, 2**64 - 1),
        st.integers(0, 2**32 * 1000 - 1),
        st.binary(max_size=60),
    ),
    max_size=20,
)


@given(records_strategy)
def test_a_batch_gives_back_its_records(rows: list[tuple[int, int, int, int, int, bytes]]) -> None:
    sealed = batch.build(KEY, NODE, 7, [record.build(*row) for row in rows])
    _, _, _, payload = envelope.unseal(KEY, sealed)
    assert [
        (r.kind, r.version, r.clock_quality, r.seq, r.time_s * 1000 + r.time_ms, r.body) for r in batch.parse(payload)
    ] == rows


number = st.integers(1, 200)


@given(st.lists(st.tuples(number, number)))
def test_ranges_behave_like_a_set_of_numbers(pairs: list[tuple[int, int]]) -> None:
    ranges, model = RangeSet(), set()
    for first, last in (sorted(pair) for pair in pairs):
        ranges.add(first, last)
        model |= set(range(first, last + 1))
    assert {n for n in range(1, 201) if n in ranges} == model
    assert ranges.count() == len(model)
    assert ranges.highest() == max(model, default=0)
    missing = {n for first, last in ranges.missing(150) for n in range(first, last + 1)}
    assert missing == set(range(1, 151)) - model
    joined = ranges.pairs()
    assert all(a[1] + 1 < b[0] for a, b in pairwise(joined)), "disjoint, sorted, not adjacent"


@given(st.integers(1, 2**64 - 1), st.sets(st.integers(1, 60), max_size=12))
def test_a_receipt_gives_back_what_is_missing(extra: int, holes: set[int]) -> None:
    stored = RangeSet([(n, n) for n in range(1, 61) if n not in holes])
    missing = stored.missing(60)
    up_to = max(60, extra)
    _, _, boot_id, payload = envelope.unseal(KEY, receipt.build(KEY, NODE, 9, up_to, 1_792_310_400_123, missing))
    assert boot_id == 9
    assert receipt.parse(payload) == (up_to, 1_792_310_400_123, missing)


@given(st.text(), st.integers(1, 64))
def test_text_is_cut_at_a_character(value: str, size: int) -> None:
    value = value.replace("\0", "").encode("utf-8", "ignore").decode()
    padded = text.pad(value, size)
    assert len(padded) == size
    assert value.startswith(text.unpad(padded))


@given(st.text(max_size=60))
def test_a_hostile_topic_is_parsed_or_refused(topic: str) -> None:
    try:
        site, node, leaf = topics.parse_topic(topic)
    except MalformedFrame:
        return
    assert topic.lower() == f"vuzol/1/{site}/{topics.node_name(node)}/{leaf}".lower()
