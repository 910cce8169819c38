from __future__ import annotations

import time

import msgspec
import pytest

from ostinato.live.events import EventsGiven
from ostinato.live.published import read, write
from ostinato.live.schema import Field, InputSchema, SourceSpec

LANDINGS = SourceSpec(
    name="landings",
    time="landed",
    columns=(
        Field("airport", "text"),
        Field("delay", "number"),
        Field("gate", "integer"),
        Field("wet", "boolean"),
    ),
    renamed={"airfield": "airport"},
    version=2,
)
SECONDS = 1_359_694_800
"""The time of `GOOD`, as a clock in seconds says it."""

GOOD = {"time": "2013-02-01T05:00:00Z", "airport": "JFK", "delay": 3, "gate": 7.0, "wet": True}


@pytest.fixture
def service_of(make_service):
    """Make a service that takes events of landings."""

    def make(**settings):
        service = make_service(**settings)
        schema = read(service.layout.schema, InputSchema)
        write(service.layout.schema, msgspec.structs.replace(schema, sources=(LANDINGS,)))
        return service

    return make


def post(service, run_gateway, events, source="landings", **more):
    body = {"source": source, "events": events, **more}
    return run_gateway(service, lambda client: client.post("/loops/small/events", body))


def test_events_without_ids_are_one_entry_typed_and_stamped(service_of, run_gateway):
    service = service_of()
    other = {"landed": 7, "airport": None, "delay": None, "gate": None, "wet": None}
    before = time.time_ns()

    answer = post(service, run_gateway, [GOOD, other])

    assert answer == (200, {"accepted": 2, "doubled": 0, "ignored": {}})
    ((key, event),) = service.events()
    assert key.startswith("e/")
    assert isinstance(event, EventsGiven)
    assert (event.source, event.ids, event.schema_version) == ("landings", [None, None], 2)
    assert event.times_ns == [1_359_694_800_000_000_000, 7]
    assert before <= event.known_ns[0] == event.known_ns[1] <= time.time_ns()
    assert event.columns == {
        "airport": ["JFK", None],
        "delay": [3.0, None],
        "gate": [7, None],
        "wet": [True, None],
    }
    assert [type(event.columns[name][0]) for name in ("delay", "gate")] == [float, int]


def test_an_event_with_an_id_is_taken_once(service_of, run_gateway):
    service = service_of()
    events = [{**GOOD, "id": 1}, {**GOOD, "id": "1"}, GOOD, {**GOOD, "id": 1, "delay": 9}]

    first = post(service, run_gateway, events)
    again = post(service, run_gateway, events)

    assert first == (200, {"accepted": 3, "doubled": 1, "ignored": {}})
    assert again == (200, {"accepted": 1, "doubled": 3, "ignored": {}})
    kept = service.events()
    assert [key for key, _ in kept][:2] == ["e/landings/i1", "e/landings/s1"]
    assert sum(len(event.ids) for _, event in kept) == 4
    assert kept[0][1].columns["delay"] == [3.0], "the first counts"


def test_ids_of_two_sources_are_apart(make_service, run_gateway):
    service = make_service()
    schema = read(service.layout.schema, InputSchema)
    takeoffs = msgspec.structs.replace(LANDINGS, name="takeoffs")
    write(service.layout.schema, msgspec.structs.replace(schema, sources=(LANDINGS, takeoffs)))

    answers = [
        post(service, run_gateway, [{**GOOD, "id": 1}], source)
        for source in ("landings", "takeoffs")
    ]

    assert [body["accepted"] for _, body in answers] == [1, 1]


def test_an_earlier_name_of_a_column_is_understood(service_of, run_gateway):
    service = service_of()
    earlier = {("airfield" if name == "airport" else name): v for name, v in GOOD.items()}

    status, body = post(service, run_gateway, [earlier, GOOD])

    assert (status, body["ignored"]) == (200, {})
    ((_, event),) = service.events()
    assert event.columns["airport"] == ["JFK", "JFK"]


def test_columns_that_the_source_does_not_have_are_named_and_counted(service_of, run_gateway):
    service = service_of()
    more = {**GOOD, "colour": "red"}

    async def scenario(client):
        body = {"source": "landings", "events": [more, GOOD, more]}
        answer = await client.post("/loops/small/events", body)
        return answer, (await client.send("GET", "/metrics")).answer.decode()

    answer, metrics = run_gateway(service, scenario)

    assert answer == (200, {"accepted": 3, "doubled": 0, "ignored": {"colour": 2}})
    ((_, event),) = service.events()
    assert event.further == {"colour": "text"}, "what came up is in the log"
    labels = 'loop="small",gateway="0",source="landings"'
    assert f"ostinato_source_events_total{{{labels}}} 3" in metrics
    assert f'ostinato_source_ignored_total{{{labels},column="colour"}} 2' in metrics


def changed(**changes):
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    ("events", "what", "expected"),
    [
        ([], "events is empty", "at least one"),
        ([changed(time=...)], "events[0] has no time", '"time" or "landed": nanoseconds'),
        ([GOOD, changed(time="soon")], "'time' of events[1] is no time", "nanoseconds"),
        ([changed(time=[1])], "'time' of events[0] is no time", "nanoseconds"),
        ([changed(time=True)], "'time' of events[0] is no time", "nanoseconds"),
        ([changed(time=2**61)], "'time' of events[0] is in the future", "has come"),
        ([changed(time=SECONDS)], "'time' of events[0] is not in nanoseconds", "nanoseconds"),
        ([changed(time=SECONDS * 1000)], "'time' of events[0] is not in nanoseconds", "ISO"),
        ([changed(airport=...)], "'airport' of events[0] is missing", "airport (text)"),
        ([GOOD, changed(delay="x")], "'delay' of events[1] has another type", "a number"),
        ([changed(delay=True)], "'delay' of events[0] has another type", "a number"),
        ([changed(wet=1)], "'wet' of events[0] has another type", "true, false"),
        ([changed(airport=["a"])], "'airport' of events[0] has another type", "text"),
        ([changed(delay=1e300)], "'delay' of events[0] is too large", "2**63"),
        ([changed(gate=2**70)], "'gate' of events[0] is too large", "2**63"),
        ([changed(id="")], "'id' of events[0] cannot be used", "1 to 200 characters"),
        ([changed(id=1.5)], "'id' of events[0] cannot be used", "1 to 200 characters"),
    ],
)
def test_events_that_do_not_fit_are_refused_whole(service_of, run_gateway, events, what, expected):
    service = service_of()

    status, answer = post(service, run_gateway, events)

    assert (status, answer["what"]) == (422, what)
    assert expected in answer["expected"]
    assert service.events() == []


def test_a_number_that_is_not_finite_is_refused(service_of, run_gateway):
    service = service_of()
    body = b'{"source": "landings", "events": [{"time": 1, "delay": 1e999}]}'

    status, answer = run_gateway(service, lambda c: c.post("/loops/small/events", body))

    assert (status, answer["what"]) == (422, "A number of the events is not finite")


def test_an_unknown_source_is_refused_with_the_known_ones(service_of, run_gateway):
    status, answer = post(service_of(), run_gateway, [GOOD], "landing")

    assert (status, answer["what"], answer["expected"]) == (
        422,
        "This source is not known",
        "landings",
    )


def test_a_loop_without_sources_says_that_it_needs_none(make_service, run_gateway):
    status, answer = post(make_service(), run_gateway, [GOOD])

    assert status == 422
    assert answer["expected"].startswith("none")


def test_too_many_events_are_refused(service_of, run_gateway):
    status, answer = post(service_of(), run_gateway, [GOOD] * 10_001)

    assert (status, answer["found"]) == (413, "10001 events")


def test_a_misspelled_column_is_guessed(service_of, run_gateway):
    events = [changed(airport=..., airprt="JFK")]

    _, answer = post(service_of(), run_gateway, events)

    assert answer["hint"] == "'airprt' is near: misspelled or renamed perhaps."


def test_on_the_wall_clock_nobody_says_what_was_known_when(service_of, run_gateway):
    status, answer = post(service_of(), run_gateway, [GOOD], known=5)

    assert (status, answer["what"]) == (422, "known cannot be given to this service")


def test_on_the_clock_of_events_known_is_given_and_does_not_go_back(service_of, run_gateway):
    service = service_of(clock="events")
    start_ns = read(service.layout.schema, InputSchema).start_ns
    known = [start_ns + 5, start_ns + 9]

    async def scenario(client):
        async def given(known, count=2):
            body = {"source": "landings", "events": [GOOD] * count}
            body |= {} if known is None else {"known": known}
            return await client.post("/loops/small/events", body)

        return [
            await given(None),
            await given(known),
            await given(start_ns + 9),
            await given(start_ns + 8),
            await given([start_ns + 20, start_ns + 19]),
            await given([start_ns + 20]),
        ]

    answers = run_gateway(service, scenario)

    assert [status for status, _ in answers] == [422, 200, 200, 422, 422, 422]
    assert answers[0][1]["what"] == "known is missing"
    back = "The clock went back: known is before what was known already"
    assert [answers[3][1]["what"], answers[4][1]["what"]] == [back, back]
    assert answers[5][1]["what"] == "known has the wrong length"
    assert [event.known_ns for _, event in service.events()] == [known, [start_ns + 9] * 2]


def test_on_the_clock_of_events_those_with_ids_can_come_again(service_of, run_gateway):
    service = service_of(clock="events")
    start_ns = read(service.layout.schema, InputSchema).start_ns
    events = [{**GOOD, "id": 1}, {**GOOD, "id": 2}]
    body = {"source": "landings", "events": events, "known": [start_ns + 5, start_ns + 9]}

    async def scenario(client):
        early = {**body, "events": [{**GOOD, "id": 3}], "known": [start_ns - 1]}
        return [await client.post("/loops/small/events", each) for each in (body, body, early)]

    first, second, early = run_gateway(service, scenario)

    assert (first[1]["accepted"], first[1]["doubled"]) == (2, 0)
    assert (second[1]["accepted"], second[1]["doubled"]) == (0, 2)
    assert early[0] == 422
    assert len(service.events()) == 2


def test_the_example_of_the_description_is_taken(service_of, run_gateway):
    async def scenario(client):
        _, document = await client.get("/openapi.json")
        told = document["paths"]["/loops/{loop}/events"]["post"]["requestBody"]["content"]
        example = told["application/json"]["example"]
        return example, await client.post("/loops/small/events", example)

    example, (status, body) = run_gateway(service_of(), scenario)

    assert example["events"][0].keys() == {"time", "airport", "delay", "gate", "wet"}
    assert (status, body["accepted"]) == (200, 1)
