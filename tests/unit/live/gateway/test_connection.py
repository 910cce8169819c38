"""What goes over the wire: bytes in, bytes out, by real connections without sockets."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.live.gateway import reader as reader_module
from ostinato.live.gateway import sharing
from ostinato.live.gateway.connection import Connection
from ostinato.live.gateway.http import HttpError, Response
from ostinato.live.gateway.sharing import Shared

HOST = b"host: x\r\n"
FIRST = b"POST /p HTTP/1.1\r\nhost: x\r\n"


class Application:
    """Echoes; /p goes at once, /slow waits until it is told, everything else in its turn."""

    def __init__(self):
        self.begun, self.slow, self.counts, self.automatic = [], [], [], True
        self.stranger = None

    def predicts(self, head):
        return head.path == "/p"

    def check_known(self, head):
        if self.stranger is not None:
            raise self.stranger

    def begin(self, exchange):
        self.begun.append((exchange.head.method, exchange.head.path, exchange.body))
        if exchange.head.path == "/slow" or not self.automatic:
            self.slow.append(exchange)
        else:
            self.echo(exchange)

    def echo(self, exchange):
        told = exchange.head.path.encode() + b" " + exchange.body
        if exchange.head.predicts:
            exchange.json(told)
        else:
            exchange.respond(Response(200, told))

    def counted(self, exchange, status):
        self.counts.append(status)

    def failed(self, exchange, error):
        exchange.respond(error.response())

    def given_up(self, exchange):
        exchange.respond(Response(408, b"", headers=(("connection", "close"),)))


@pytest.fixture
def wire(fake_transport):
    """Run a scenario with connections of an application."""

    def run(scenario, **limits):
        async def whole():
            loop = asyncio.get_running_loop()
            given = {"most_connections": 10, "most_bytes": 1_000, "request_timeout_s": 5} | limits
            app = Application()
            shared = Shared(app, VirtualClock(0), loop, **given)

            def connect():
                transport = fake_transport()
                connection = Connection(shared)
                connection.connection_made(transport)
                return connection, transport

            try:
                return await scenario(SimpleNamespace(app=app, shared=shared, connect=connect))
            finally:
                shared.deadlines.close()

        return asyncio.run(whole())

    return run


def statuses(written):
    return [int(part[:3]) for part in bytes(written).split(b"HTTP/1.1 ")[1:]]


def bodies(written):
    return [part.partition(b"\r\n\r\n")[2] for part in bytes(written).split(b"HTTP/1.1 ")[1:]]


def sent(wire, *pieces, **limits):
    """Send bytes over one connection; return what came back, and the transport."""

    async def scenario(world):
        connection, transport = world.connect()
        for piece in pieces:
            connection.data_received(piece)
        return bytes(transport.written), transport, world.app

    return wire(scenario, **limits)


def test_a_request_is_answered_and_the_connection_stays(wire):
    written, transport, app = sent(wire, FIRST + b"content-length: 2\r\n\r\nab")

    assert written == (
        b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        b"content-type: application/json\r\ncontent-length: 5\r\n\r\n/p ab"
    )
    assert not transport.ended
    assert not transport.over
    assert app.counts == [200]


@pytest.mark.parametrize(
    "message",
    [
        FIRST + b"content-length: 4\r\nX-Some: Thing\r\n\r\nabcd",
        FIRST + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n3;x=y\r\nbcd\r\n0\r\nt: u\r\n\r\n",
    ],
)
def test_a_request_means_the_same_however_it_is_cut(wire, message):
    whole = sent(wire, message * 3)[2].begun
    for cut in range(1, len(message)):
        assert (
            sent(wire, message[:cut], message[cut:] + message[:cut], message[cut:] + message)[
                2
            ].begun
            == whole
        )
    assert sent(wire, *[bytes([byte]) for byte in message * 3])[2].begun == whole
    assert whole == [("POST", "/p", b"abcd")] * 3


def test_a_known_head_is_not_parsed_again_and_means_the_same(wire, monkeypatch):
    parsed = []
    real = reader_module.read_head

    def counting(*given, **named):
        parsed.append(given)
        return real(*given, **named)

    monkeypatch.setattr(reader_module, "read_head", counting)

    async def scenario(world):
        for _ in range(3):
            connection, transport = world.connect()
            for body in (b"ab", b"cd"):
                connection.data_received(FIRST + b"content-length: 2\r\n\r\n" + body)
            connection.data_received(FIRST + b"content-length: 3\r\n\r\nefg")
        return bodies(transport.written), world.app.begun

    answers, begun = wire(scenario)

    assert answers == [b"/p ab", b"/p cd", b"/p efg"]
    assert [body for _, _, body in begun] == [b"ab", b"cd", b"efg"] * 3
    assert len(parsed) == 2


@pytest.mark.parametrize(
    "first",
    [
        b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n",  # no body: nothing to keep
        FIRST + b"transfer-encoding: chunked\r\n\r\n",
        FIRST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n",
        FIRST + b"content-length: 2\r\nconnection: close\r\n\r\n",
        FIRST + b"content-length: 2\r\nx: " + b"y" * 5_000 + b"\r\n\r\n",
        b"\r\n\r\n" + FIRST + b"content-length: 2\r\n\r\n",
    ],
)
def test_heads_that_say_more_are_not_kept(wire, first):
    async def scenario(world):
        connection, _ = world.connect()
        connection.data_received(first)
        return world.shared.heads

    assert wire(scenario) == {}


def test_heads_that_are_kept_are_bounded(wire, monkeypatch):
    monkeypatch.setattr(sharing, "MOST_HEADS", 5)

    async def scenario(world):
        connection, _ = world.connect()
        for number in range(12):
            connection.data_received(FIRST + b"x: %d\r\ncontent-length: 1\r\n\r\na" % number)
        return len(world.shared.heads), len(world.app.begun)

    assert wire(scenario) == (2, 12)


def test_answers_come_in_the_order_of_requests_whoever_is_ready_first(wire):
    async def scenario(world):
        connection, transport = world.connect()
        world.app.automatic = False
        for body in (b"1", b"2", b"3"):
            connection.data_received(FIRST + b"content-length: 1\r\n\r\n" + body)
        first, second, third = world.app.slow
        third.json(b"three")
        first.json(b"one")
        early = bodies(transport.written)
        second.json(b"two")
        return early, bodies(transport.written)

    early, late = wire(scenario)

    assert early == [b"one"]
    assert late == [b"one", b"two", b"three"]


def test_what_is_no_prediction_waits_for_its_turn(wire):
    get = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n"
    one = FIRST + b"content-length: 1\r\n\r\n1"

    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(one + get + one + get + one + one)
        steps = [len(world.app.begun)]
        for _ in range(2):
            world.app.echo(world.app.slow[-1])
            steps.append(len(world.app.begun))
        return steps, bodies(transport.written)

    steps, answers = wire(scenario)

    assert steps == [2, 4, 6]
    assert answers == [b"/p 1", b"/slow ", b"/p 1", b"/slow ", b"/p 1", b"/p 1"]


def test_many_requests_at_once_are_all_answered_without_deep_recursion(wire):
    written, transport, _ = sent(
        wire,
        b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" + b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n" * 3_000,
    )
    assert not written
    assert not transport.reading, "no more is read than is answered"

    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(
            b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" + b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n" * 3_000
        )
        world.app.echo(world.app.slow[0])
        return len(statuses(transport.written)), transport.reading

    assert wire(scenario) == (3_001, True)


@pytest.mark.parametrize(
    ("head", "keeps", "words"),
    [
        (b"GET /a HTTP/1.1\r\nhost: x\r\n", True, None),
        (b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", False, b"connection: close"),
        (b"GET /a HTTP/1.0\r\n", False, b"connection: close"),
        (b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n", True, b"connection: keep-alive"),
    ],
)
def test_the_connection_stays_or_ends_as_the_client_asks(wire, head, keeps, words):
    written, transport, _ = sent(wire, head + b"\r\n", b"")

    assert statuses(written) == [200]
    assert transport.ended is not keeps
    assert (words in written) if words else (b"connection:" not in written)


def test_after_the_last_request_nothing_more_is_read(wire):
    last = b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    written, _, app = sent(wire, last + last, last)

    assert statuses(written) == [200]
    assert len(app.begun) == 1


def test_head_is_answered_without_a_body_but_with_its_length(wire):
    written, _, _ = sent(wire, b"HEAD /abc HTTP/1.1\r\nhost: x\r\n\r\n")

    assert b"content-length: 5\r\n" in written
    assert bodies(written) == [b""]


def test_a_client_that_waits_for_a_go_ahead_gets_it_in_its_turn(wire):
    head = FIRST + b"content-length: 2\r\nexpect: 100-continue\r\n\r\n"

    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(head)
        first = bytes(transport.written)
        connection.data_received(b"ab")
        connection.data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" + head)
        before = statuses(transport.written)
        world.app.echo(world.app.slow[0])
        after = statuses(transport.written)
        connection.data_received(b"cd")
        return first, before, after, statuses(transport.written), world.app.begun[-1]

    first, before, after, end, last = wire(scenario)

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert before == [100, 200]
    assert after == [100, 200, 200, 100]
    assert end == [100, 200, 200, 100, 200]
    assert last == ("POST", "/p", b"cd")


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"content-length: 1001\r\n\r\n", 413),
        (b"content-length: 1001\r\nexpect: 100-continue\r\n\r\n", 413),
        (b"transfer-encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1_001, 413),
        (b"expect: a miracle\r\ncontent-length: 2\r\n\r\nab", 417),
        (b"x: " + b"y" * 70_000, 431),
        (b"x: " + b"y" * 65_600 + b"\r\n\r\n", 431),
        (b"x: y\r\n" * 101 + b"\r\n", 431),
    ],
)
def test_what_is_too_much_is_refused_while_it_is_read(wire, rest, status):
    written, transport, app = sent(wire, FIRST + rest)

    assert statuses(written) == [status]
    assert b"connection: close" in written
    assert transport.ended
    assert app.begun == []


def test_a_long_target_is_refused_before_it_ends(wire):
    assert statuses(sent(wire, b"GET /" + b"a" * 8_200)[0]) == [414]
    assert statuses(sent(wire, b"GET /" + b"a" * 5_000, b"b" * 5_000)[0]) == [414]
    assert statuses(sent(wire, b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n")[0]) == [
        200
    ]


def test_a_header_that_never_ends_is_not_kept_in_memory(wire):
    pieces = [b"y" * 10_000] * 10
    written, transport, _ = sent(wire, FIRST + b"x: ", *pieces)

    assert statuses(written) == [431]
    assert transport.ended


def test_large_bodies_share_a_limit(wire, monkeypatch):
    monkeypatch.setattr(sharing, "SMALL_BODY", 100)
    monkeypatch.setattr(sharing, "MOST_HELD", 1_500)

    async def scenario(world):
        several = [world.connect() for _ in range(3)]
        for connection, _ in several:
            connection.data_received(FIRST + b"content-length: 999\r\n\r\n" + b"a" * 900)
        refused = [statuses(transport.written) for _, transport in several]
        several[0][0].data_received(b"a" * 99)
        several[1][0].connection_lost(None)
        return refused, statuses(several[0][1].written), world.shared.held_bytes

    refused, first, held = wire(scenario)

    assert refused == [[], [503], [503]]
    assert first == [200]
    assert held == 0


def test_a_small_body_is_read_while_large_ones_take_the_memory(wire, monkeypatch):
    monkeypatch.setattr(sharing, "SMALL_BODY", 100)
    monkeypatch.setattr(sharing, "MOST_HELD", 500)

    async def scenario(world):
        world.connect()[0].data_received(FIRST + b"content-length: 999\r\n\r\n" + b"a" * 500)
        connection, transport = world.connect()
        connection.data_received(FIRST + b"content-length: 3\r\n\r\na")
        connection.data_received(b"bc")
        return statuses(transport.written)

    assert wire(scenario) == [200]


@pytest.mark.parametrize(
    ("framing", "read"),
    [
        (b"content-length: 101\r\n\r\n", False),
        (b"transfer-encoding: chunked\r\n\r\n", False),
        (b"content-length: 100\r\n\r\n", True),
    ],
)
def test_of_a_stranger_no_large_body_is_read(wire, monkeypatch, framing, read):
    monkeypatch.setattr(sharing, "SMALL_BODY", 100)

    async def scenario(world):
        world.app.stranger = HttpError(401, "Who is it?")
        connection, transport = world.connect()
        connection.data_received(FIRST + framing)
        connection.data_received(b"64\r\n" + b"a" * 90)
        return statuses(transport.written), world.shared.held_bytes

    assert wire(scenario) == (([], 94) if read else ([401], 0))


@pytest.mark.parametrize(
    "message",
    [
        FIRST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        FIRST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        FIRST + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
        FIRST + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        FIRST + b"content-length: 2, 2\r\n\r\nab",
        FIRST + b"content-length: +2\r\n\r\nab",
        FIRST + b"content-length: -2\r\n\r\nab",
        FIRST + b"content-length: 0x2\r\n\r\nab",
        FIRST + b"content-length: 99999999999999999999\r\n\r\nab",
        FIRST + b"content-length : 2\r\n\r\nab",
        FIRST + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        FIRST + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        b"POST /p HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        FIRST + b"transfer-encoding: chunked\r\n\r\n1\na\n0\n\n",
        FIRST + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        FIRST + b"transfer-encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
        FIRST + b"x: a\r\n folded\r\ncontent-length: 2\r\n\r\nab",
        FIRST + b"x: a\rcontent-length: 2\r\n\r\nab",
        FIRST + b"x: a\ncontent-length: 2\r\n\r\nab",
        FIRST + b"x: a\0\r\ncontent-length: 2\r\n\r\nab",
        FIRST + b": a\r\ncontent-length: 2\r\n\r\nab",
        FIRST + b"host: y\r\ncontent-length: 2\r\n\r\nab",
        b"POST /p HTTP/1.1\nhost: x\ncontent-length: 2\n\nab",
        FIRST + b"content-length: 2\r\n\nab",
        b"POST /p HTTP/1.1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /p q HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 100,
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_ends(wire, message):
    written, transport, app = sent(wire, message, FIRST + b"content-length: 2\r\n\r\nab")

    assert statuses(written) == [400]
    assert json.loads(bodies(written)[0])["what"]
    assert transport.ended
    assert app.begun == []


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (FIRST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (FIRST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n", 501),
        (b"GET /a HTTP/2.0\r\nhost: x\r\n\r\n", 505),
        (b"GET /a\r\n\r\n", 505),
    ],
)
def test_what_is_not_spoken_here_is_refused(wire, message, status):
    written, transport, app = sent(wire, message)

    assert statuses(written) == [status]
    assert transport.ended
    assert app.begun == []


def test_what_was_asked_before_a_malformed_request_is_still_answered(wire):
    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\nrubbish\r\n\r\n")
        before = statuses(transport.written)
        world.app.echo(world.app.slow[0])
        return before, statuses(transport.written), transport.ended

    assert wire(scenario) == ([], [200, 400], True)


def test_an_offer_to_speak_something_else_is_passed_over(wire):
    offer = b"connection: upgrade\r\nupgrade: h2c\r\n"
    whole = b"".join(
        [
            FIRST + offer + b"content-length: 2\r\n\r\nab",
            FIRST + offer + b"transfer-encoding: chunked\r\n\r\n1\r\nc\r\n1\r\nd\r\n0\r\n\r\n",
            b"GET /a HTTP/1.1\r\nhost: x\r\n" + offer + b"\r\n",
            FIRST + b"content-length: 1\r\n\r\ne",
        ]
    )
    for size in (len(whole), 7, 1):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        written, transport, app = sent(wire, *pieces)

        assert statuses(written) == [200] * 4
        assert [body for _, _, body in app.begun] == [b"ab", b"cd", b"", b"e"]
        assert not transport.ended


def test_a_target_may_be_absolute_or_have_a_query(wire):
    async def scenario(world):
        connection, _ = world.connect()
        world.app.automatic = False
        connection.data_received(b"GET http://host:80/a?b=c?d HTTP/1.1\r\nhost: x\r\n\r\n")
        head = world.app.slow[0].head
        return head.path, head.query

    assert wire(scenario) == ("/a", "b=c?d")


def test_headers_are_found_in_lower_case_and_joined(wire):
    async def scenario(world):
        connection, _ = world.connect()
        world.app.automatic = False
        connection.data_received(
            b"GET /a HTTP/1.1\r\nHOST: x\r\nX-A: 1 \r\nx-a: 2\r\nAuthorization: Bearer y\r\n\r\n"
        )
        head = world.app.slow[0].head
        return head.headers["x-a"], head.authorization, head.host

    assert wire(scenario) == ("1, 2", "Bearer y", "x")


def test_a_client_that_sends_no_more_still_gets_its_answer(wire):
    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        stays = connection.eof_received()
        world.app.echo(world.app.slow[0])
        quiet, _ = world.connect()
        return stays, statuses(transport.written), transport.over, quiet.eof_received()

    assert wire(scenario) == (True, [200], True, False)


def test_a_client_that_is_gone_is_no_trouble(wire):
    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        connection.data_received(FIRST + b"content-length: 9\r\n\r\nab")
        connection.connection_lost(ConnectionResetError())
        world.app.echo(world.app.slow[0])
        return bytes(transport.written), world.shared.connections

    assert wire(scenario) == (b"", set())


def test_a_client_that_does_not_read_is_not_read_from_and_in_the_end_cut_off(wire):
    async def scenario(world):
        connection, transport = world.connect()
        connection.pause_writing()
        paused = transport.reading
        connection.resume_writing()
        again = transport.reading
        connection.pause_writing()
        connection.overdue()
        return paused, again, transport.over

    assert wire(scenario) == (False, True, True)


def test_connections_beyond_the_limit_are_told_so_and_closed(wire, monkeypatch):
    monkeypatch.setattr(sharing, "OVERFLOW", 1)

    async def scenario(world):
        good = [world.connect() for _ in range(2)]
        told, dropped = world.connect()[1], world.connect()[1]
        good[0][0].data_received(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
        return (
            statuses(good[0][1].written),
            statuses(told.written),
            told.ended,
            dropped.over,
        )

    assert wire(scenario, most_connections=2) == ([200], [503], True, True)


async def passed(world, seconds):
    """Let time pass for the connections, a tick at a time."""
    deadlines = world.shared.deadlines
    for _ in range(sharing.ticks(seconds)):
        deadlines.tick()


def test_idle_connections_are_closed_and_busy_ones_are_not(wire):
    async def scenario(world):
        idle, busy = world.connect(), world.connect()
        for _ in range(20):
            await passed(world, sharing.IDLE_S / 10)
            busy[0].data_received(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
        return idle[1].over, idle[1].written, busy[1].over

    assert wire(scenario) == (True, b"", False)


@pytest.mark.parametrize(
    "begun", [b"GET /", b"GET /a HTTP/1.1\r\nhost", FIRST + b"content-length: 9\r\n\r\na"]
)
def test_a_request_that_drips_in_is_given_up(wire, begun):
    async def scenario(world):
        connection, transport = world.connect()
        connection.data_received(begun)
        for _ in range(3):
            await passed(world, 1)
            connection.data_received(b"e")
        early = statuses(transport.written)
        await passed(world, 4)
        told, ended = statuses(transport.written), transport.ended
        await passed(world, sharing.LINGER_S + 3)
        return early, told, ended, transport.over

    assert wire(scenario) == ([], [408], True, True)


def test_an_answer_that_does_not_come_is_given_up_unless_it_may_take_long(wire):
    async def scenario(world):
        slow, patient = world.connect(), world.connect()
        for connection, _ in (slow, patient):
            connection.data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        patient[0].patient()
        await passed(world, 8)
        early = statuses(patient[1].written)
        for exchange in world.app.slow:
            world.app.echo(exchange)
        return statuses(slow[1].written), early, statuses(patient[1].written)

    assert wire(scenario) == ([408], [], [200])


def test_at_the_end_what_was_asked_is_answered_and_says_that_it_is_the_last(wire):
    async def scenario(world):
        idle, busy, half = world.connect(), world.connect(), world.connect()
        busy[0].data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" * 2)
        half[0].data_received(FIRST + b"content-length: 2\r\n\r\na")
        world.shared.answers.final = True
        for connection, _ in (idle, busy, half):
            connection.drain()
        for _ in range(2):
            world.app.echo(world.app.slow[-1])
        half[0].data_received(b"b")
        return idle[1].over, [bytes(each[1].written) for each in (busy, half)], half[1].ended

    idle, (busy, half), ended = wire(scenario)

    assert idle
    assert statuses(busy) == [200, 200]
    assert busy.count(b"connection: close") == 1
    assert statuses(half) == [200]
    assert b"connection: close" in half
    assert ended


def test_the_date_follows_the_clock(wire):
    async def scenario(world):
        connection, transport = world.connect()
        world.shared.answers.clock.advance_to(86_400 * 10**9)
        world.shared.answers.tell_time()
        connection.data_received(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n")
        return bytes(transport.written)

    assert b"date: Fri, 02 Jan 1970 00:00:00 GMT\r\n" in wire(scenario)
