"""How envelopes travel through a node's mailbox, over good lines and bad ones.

It must never need a line: frames are handed over as bytes, time is a number.
Spec: protocols/MODBUS.md, "Mailbox"; protocols/wire/mailbox.py.
"""

import random

from firmware.tests.device.session_world import KEY, NODE, NOW_S, Controller, an_order
from firmware.tests.device.slave_world import (
    MAX_WRITE_WORDS,
    Master,
    Slave,
    a_file,
    read_file,
    read_registers,
    sub_requests,
    write_down,
    write_file,
)
from protocols.wire import batch, envelope, mailbox, receipt, state

ADDRESS, VALUE = 2, 3


def records_in(data):
    return [one.seq for one in batch.parse(data[envelope.HEADER_SIZE : -16])]


# Up.


def test_a_file_stays_until_the_next_one_is_asked_for():
    slave = Slave()
    master = Master(slave.hear)
    number = master.status().up_number
    first = master.file(number)
    assert records_in(first) == [1]
    assert master.file(number) == first
    assert master.status().up_length == len(first)
    slave.node.journals(2)
    assert master.file(number) == first
    assert records_in(master.file(mailbox.next_number(number))) == [2, 3]
    assert slave.ask(read_file(number, 0, 1)) == bytes((0x94, ADDRESS))
    assert master.status().up_number == mailbox.next_number(number)


def test_when_nothing_waits_the_length_is_zero_and_the_number_stays():
    slave = Slave()
    master = Master(slave.hear)
    assert records_in(master.take()) == [1]
    number = mailbox.next_number(master.status().up_number)
    for _ in range(3):
        assert slave.ask(read_file(number, 0, 3)) == b"\x14\x08\x07\x06" + bytes(6)
    assert slave.ask(read_file(mailbox.next_number(number), 0, 3)) == bytes((0x94, ADDRESS))
    slave.node.journals(1)
    assert records_in(master.file(number)) == [2]


def test_several_files_in_one_request():
    slave = Slave()
    number = Master(slave.hear).status().up_number
    asked = ((mailbox.WILL_FILE, 0, 1), (mailbox.ONLINE_FILE, 0, 1), (number, 1, 2), (number, 999, 1))
    answer = slave.ask(b"\x14" + sub_requests(*asked))
    will = len(slave.mailbox.will)
    assert answer == b"\x14\x12\x03\x06\x00%c\x03\x06\x00%c\x05\x06VZ\x01\x01\x03\x06\x00\x00" % (will, will)


def test_will_and_online_say_what_the_broker_has_to_hear():
    slave = Slave()
    master = Master(slave.hear)
    for number, what in ((mailbox.WILL_FILE, state.OFFLINE), (mailbox.ONLINE_FILE, state.ONLINE)):
        told = master.file(number)
        assert envelope.peek(told)[2] == master.status().boot_id
        assert state.parse(told[envelope.HEADER_SIZE : -16]).state == what


def test_after_a_silence_everything_without_a_receipt_goes_out_again_under_other_numbers():
    slave = Slave()
    master = Master(slave.hear)
    number = master.status().up_number
    first = master.file(number)
    slave.node.now_ms += mailbox.SILENCE_MS
    assert master.file(number) == first
    assert slave.mailbox.connects == 1
    slave.node.now_ms += mailbox.SILENCE_MS + 1
    assert slave.mailbox.is_polled(slave.node.now_ms) is False
    assert slave.ask(read_file(number, 0, 1)) == bytes((0x94, ADDRESS))
    assert slave.mailbox.connects == 2
    assert records_in(master.file(master.status().up_number)) == [1]


def test_what_is_offered_waits_for_the_records_and_the_newest_offer_wins():
    slave = Slave()
    master = Master(slave.hear)
    slave.mailbox.offer(b"old picture")
    slave.mailbox.offer(b"new picture")
    assert records_in(master.take()) == [1]
    assert master.take() == b"new picture"
    assert master.take() is None


# Down.


def test_an_envelope_comes_in_pieces_and_is_handed_over_once():
    for chunk in (2, 4, 240):
        slave = Slave()
        order = an_order(5, body=b"body" * 50)
        Master(slave.hear).bring(order, chunk)
        assert slave.taken == [order]


def test_the_last_piece_again_is_acknowledged_and_ignored():
    slave = Slave()
    order = an_order(5)
    for offset in range(0, len(order), 20):
        piece = write_down(mailbox.pack_down(order, 3, offset)[: mailbox.DOWN_HEADER_SIZE + 20])
        for _ in range(3):
            assert slave.ask(piece)[0] == 0x10
    assert slave.taken == [order]
    status = Master(slave.hear).status()
    assert (status.down_number, status.down_have, status.down_length) == (3, len(order), len(order))


def test_a_piece_that_does_not_continue_is_refused_and_a_new_number_begins_anew():
    slave = Slave()
    order = an_order(5)
    assert slave.ask(write_down(mailbox.pack_down(order, 3, 0)[:26])) == b"\x10\xf1\x00\x00\x0d"
    for number, offset, length in ((3, 22, len(order)), (4, 20, len(order)), (3, 20, len(order) + 2), (0, 0, 2)):
        piece = mailbox.pack_down(bytes(length), number, offset)
        assert slave.ask(write_down(piece[:26])) == bytes((0x90, VALUE)), (number, offset)
    assert slave.ask(write_down(mailbox.pack_down(bytes(envelope.MAX_SIZE + 2), 4, 0))) == bytes((0x90, VALUE))
    Master(slave.hear).bring(order)
    assert slave.taken == [order]


def test_the_file_way_down_carries_the_same():
    slave = Slave()
    order = an_order(5, body=b"body" * 70)
    data = a_file(order)
    for word in range(0, len(data) // 2, MAX_WRITE_WORDS):
        request = write_file(9, word, data[2 * word : 2 * (word + MAX_WRITE_WORDS)])
        assert slave.ask(request) == request
        assert slave.ask(request) == request
    assert slave.taken == [order]
    assert slave.ask(write_file(9, 3, b"xx")) == bytes((0x95, VALUE))


def test_two_records_of_one_file_request_carry_a_whole_envelope():
    slave = Slave()
    data = a_file(an_order(5))
    half = write_file(9, 0, data[:20])[2:] + write_file(9, 10, data[20:])[2:]
    slave.ask(b"\x15" + bytes((len(half),)) + half)
    assert slave.taken == [an_order(5)]


def test_one_request_writes_a_piece_and_reads_the_status():
    slave = Slave()
    chunk = mailbox.pack_down(an_order(5), 3, 0)
    read = read_registers(mailbox.STATUS_ADDRESS, mailbox.STATUS_WORDS)[1:]
    answer = slave.ask(b"\x17" + read + write_down(chunk)[1:])
    status = mailbox.unpack_status(answer[2:])
    assert (status.down_number, status.down_have) == (3, len(an_order(5)))
    assert slave.taken == [an_order(5)]
    assert slave.ask(b"\x17" + read_registers(0, 0)[1:] + write_down(chunk)[1:]) == bytes((0x97, VALUE))


def test_transfer_numbers_wrap_behind_the_last_one():
    assert mailbox.next_number(0) == 1
    assert mailbox.next_number(mailbox.LAST_NUMBER) == 1


def test_every_record_arrives_once_over_a_line_that_loses_and_corrupts_frames():
    random.seed(485)
    slave = Slave()
    slave.node.journals(120)

    def damaged(frame):
        chance = random.getrandbits(8)
        if chance < 20 or not frame:
            return b""
        if chance < 45:
            broken = bytearray(frame)
            broken[random.getrandbits(16) % len(broken)] ^= 1 << random.getrandbits(3)
            return bytes(broken)
        return frame[: random.getrandbits(8)] if chance < 50 else frame

    def exchange(frame):
        heard = damaged(frame)
        answer = slave.hear(heard) if heard else b""
        if slave.receiver.waits:
            slave.receiver.give_up()
        return damaged(answer)

    controller = Controller()
    master = Master(exchange)
    for _ in range(600):
        taken = master.take()
        if taken:
            controller.take(batch.parse(envelope.unseal(KEY, taken)[3]))
            up_to = controller.covered.highest()
            missing = controller.covered.missing(up_to)[: receipt.MAX_RANGES]
            boot_id = slave.node.journal.boot_id
            master.bring(receipt.build(KEY, NODE, boot_id, up_to, NOW_S * 1000, missing))
        if not slave.node.journal.depth:
            break
        slave.node.now_ms += 100
    assert slave.node.journal.depth == 0
    assert controller.stored.pairs() == [(1, slave.node.journal.last_seq)]
    assert slave.node.session.refused_total == 0
    assert slave.slave.exceptions + slave.receiver.crc_errors > 0


def test_a_command_through_the_mailbox_is_carried_out_once():
    slave = Slave()
    master = Master(slave.hear)
    order = an_order(5)
    master.bring(order)
    master.bring(order)
    assert slave.taken == [order, order]
    assert slave.node.session.refused == {"repeated_command": 1}


def test_a_slow_line_is_no_reason_to_send_anything_twice():
    slave = Slave()
    slave.node.journals(120)
    controller = Controller()

    def exchange(frame):
        slave.node.now_ms += 900  # a bus with many nodes at 9600 Bd: a batch takes half a minute
        return slave.hear(frame)

    master = Master(exchange)
    while slave.node.journal.depth:
        taken = master.take()
        if taken:
            controller.take(batch.parse(envelope.unseal(KEY, taken)[3]))
            up_to = controller.covered.highest()
            boot_id = slave.node.journal.boot_id
            missing = controller.covered.missing(up_to)[: receipt.MAX_RANGES]
            master.bring(receipt.build(KEY, NODE, boot_id, up_to, NOW_S * 1000, missing))
    assert controller.repeated == 0
    assert controller.stored.pairs() == [(1, slave.node.journal.last_seq)]
