"""The loop's own protocol, described: predict, labels, outcomes, status, gate, acts, clock."""

from __future__ import annotations

from typing import Any, Final

from ostinato.core.records import ACTS, ALARM_ACTS, AUTONOMY, ROLES
from ostinato.learn.columns import NUMBER_MAX
from ostinato.live.gateway.openapi_parts import (
    EXAMPLES,
    ID,
    MOMENT,
    TEXT,
    WHOLE,
    Operation,
    Paths,
    Schema,
    content,
    example_row,
    in_path,
    inputs_of,
    listed,
    named,
    operation,
    strict,
    thing,
)
from ostinato.live.gateway.posted_events import MOST_EVENTS
from ostinato.live.gateway.rows import MAX_ROWS
from ostinato.live.schema import InputSchema

_LABEL: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}
_TARGET: Final[Schema] = {
    "type": ["number", "boolean", "null"],
    "minimum": -NUMBER_MAX,
    "maximum": NUMBER_MAX,
}
_ACCEPTED: Final[Schema] = thing({"accepted": WHOLE})

_ACTS: Final = {
    "retrain": "Train a new version now",
    "promote": "Make a proved version the champion now",
    "abort": "End the rollout",
    "undo": "Go back to the previous champion, from the next request on",
    "pause": "Learn and release nothing more until it is resumed",
    "resume": "Learn and release again",
    "approve": "Carry out what was proposed",
    "acknowledge": "Say that somebody looks after alarms that stand",
    "silence": "Tell people nothing of some alarms for a while",
    "unsilence": "Tell people of these alarms again",
    "autonomy": "Set how far the loop acts by itself",
}
assert set(_ACTS) == {*ACTS, *ALARM_ACTS, "autonomy"}, "every act is described"


_SUBJECTS: Final = {"autonomy": AUTONOMY[0], "approve": "proposal-0123456789ab"}
_DURATION: Final = r"^[1-9][0-9]{0,3}(ms|s|m|h|d)$"


def components(schema: InputSchema) -> dict[str, Schema]:
    """Return the schemas of the loop's records."""
    classes = len(schema.classes) if schema.task == "multiclass" else 0
    score: Schema = {"type": "number"}
    if classes:
        score = {**listed(score, least=classes), "maxItems": classes}
    answer = {
        "prediction_id": ID,
        "score": score,
        "version": TEXT,
        "role": {**TEXT, "enum": list(ROLES)},
        "epoch": WHOLE,
    }
    if classes:
        answer["label"] = {"enum": list(schema.classes)}
    return {
        "Inputs": strict(inputs_of(schema)),
        "Prediction": thing(answer),
        "Label": strict(
            thing(
                {
                    "prediction_id": ID,
                    "label": _LABEL if schema.classes else _TARGET,
                    "time": MOMENT,
                },
                optional=("time",),
            )
        ),
        "Outcome": strict(
            thing(
                {
                    "name": {**TEXT, "minLength": 1, "maxLength": 200},
                    "value": {"type": "number"},
                    "prediction_id": ID,
                    "unit": {"type": ["string", "number", "boolean"]},
                    "time": MOMENT,
                },
                optional=("prediction_id", "unit", "time"),
            )
        ),
    }


def paths(schema: InputSchema, *, timed: bool) -> Paths:
    """Return the paths; `timed`: the clock follows the events."""
    loop = (in_path("loop", (schema.loop,)),)
    found: Paths = {
        "/loops/{loop}": {"get": _status(loop)},
        "/loops/{loop}/predict": {"post": _predict(schema, loop, timed=timed)},
        "/loops/{loop}/labels": {
            "post": _many("Tell labels", "Label", "labels", loop, {"prediction_id": 1, "label": 1})
        },
        "/loops/{loop}/outcomes": {
            "post": _many(
                "Tell business outcomes",
                "Outcome",
                "outcomes",
                loop,
                {"prediction_id": 1, "name": "revenue", "value": 9.5},
            )
        },
        "/loops/{loop}/events": {"post": _events(schema, loop, timed=timed)},
        "/loops/{loop}/gate": {"post": _gate(loop)},
        "/loops/{loop}/alarms": {"get": _alarms(loop)},
    }
    for act, summary in _ACTS.items():
        found[f"/loops/{{loop}}/{act}"] = {"post": _act(act, summary, loop)}
    if timed:
        found["/loops/{loop}/clock"] = {"post": _clock(loop)}
    return found


Parameters = tuple[dict[str, Any], ...]


def _predict(schema: InputSchema, loop: Parameters, *, timed: bool) -> Operation:
    rows = {**listed(named("Inputs"), least=1), "maxItems": MAX_ROWS}
    many = {"anyOf": [named("Inputs"), rows]}
    asked = {
        "inputs": many,
        "prediction_id": {"anyOf": [ID, listed(ID)]},
        "time": {"anyOf": [MOMENT, listed(MOMENT)]},
    }
    optional: tuple[str, ...] = ("prediction_id",)
    if not timed:
        del asked["time"]
    example: dict[str, Any] = {"inputs": example_row(schema)}
    if timed:
        example["time"] = "2013-02-01T08:00:00Z"
    answers = {"anyOf": [named("Prediction"), thing({"predictions": listed(named("Prediction"))})]}
    return operation(
        "Predict one row, or many",
        "predict",
        content(answers),
        body=content(strict(thing(asked, optional=optional)), example=example),
        refusals=("400", "404", "408", "413", "422", "503"),
        parameters=loop,
        details=(
            "The score is the probability of the second class, one probability per class, or the "
            "target. A retry with the same prediction_id gets the same answer and counts once. "
            f"At most {MAX_ROWS} rows."
        ),
    )


def _many(
    summary: str, component: str, plural: str, loop: Parameters, example: dict[str, Any]
) -> Operation:
    given = {"anyOf": [named(component), strict(thing({plural: listed(named(component))}))]}
    return operation(
        summary,
        "label",
        content(_ACCEPTED),
        body=content(given, example={plural: [example]}),
        refusals=("400", "404", "408", "413", "422", "503"),
        parameters=loop,
        details="One, or a list; stored as durably as the service promises.",
    )


def _events(schema: InputSchema, loop: Parameters, *, timed: bool) -> Operation:
    names = [spec.name for spec in schema.sources]
    item = {**thing({"time": MOMENT, "id": ID}, optional=("id",)), "description": _sources(schema)}
    body: dict[str, Schema] = {
        "source": {**TEXT, "enum": names} if names else TEXT,
        "events": {**listed(item), "maxItems": MOST_EVENTS},
    }
    example: dict[str, Any] = {"source": "landings", "events": [{"time": "2013-02-01T08:00:00Z"}]}
    if schema.sources:
        spec = schema.sources[0]
        values = {field.name: EXAMPLES[field.kind] for field in spec.columns}
        example = {"source": spec.name, "events": [{**example["events"][0], **values}]}
    if timed:
        body["known"] = {"anyOf": [MOMENT, listed(MOMENT)]}
        example["known"] = "2013-02-01T08:00:00Z"
    told = {"accepted": WHOLE, "doubled": WHOLE, "ignored": {"type": "object"}}
    return operation(
        "Tell what happened: events that features are computed of",
        "label",
        content(thing(told)),
        body=content(strict(thing(body)), example=example),
        refusals=("400", "404", "408", "413", "422", "503"),
        parameters=loop,
        details=(
            "Answers when the events are on disk. An event with an id is taken once, however often "
            f"it is sent. Further columns are ignored, and named. At most {MOST_EVENTS} events."
        ),
    )


def _sources(schema: InputSchema) -> str:
    told = [
        f"{spec.name}: {', '.join(f'{field.name} ({field.kind})' for field in spec.columns)}"
        for spec in schema.sources
    ]
    return f"With the columns of its source. {'; '.join(told)}".strip()


def _status(loop: Parameters) -> Operation:
    told = thing(
        {
            "loop": TEXT,
            "task": TEXT,
            "status": {"type": ["object", "null"]},
            "gateway": {"type": "object"},
        }
    )
    summary = "Tell how the loop stands"
    return operation(summary, "read", content(told), refusals=("404", "503"), parameters=loop)


def _gate(loop: Parameters) -> Operation:
    told = thing({"verdict": {**TEXT, "enum": ["pass", "fail", "inconclusive"]}})
    strictly = {
        "name": "strict",
        "in": "query",
        "allowEmptyValue": True,
        "description": "Answer a fail with 409.",
        "schema": TEXT,
    }
    made = operation(
        "Ask whether a deployment may go on",
        "read",
        content(told),
        refusals=("404", "503"),
        parameters=(*loop, strictly),
    )
    made["responses"]["409"] = {"description": "A fail, asked strictly.", "content": content(told)}
    return made


def _alarms(loop: Parameters) -> Operation:
    told = thing({"loop": TEXT, "watch": {"type": ["object", "null"]}})
    named_one = {"name": "name", "in": "query", "description": "One alarm alone.", "schema": TEXT}
    return operation(
        "Tell which alarms stand, and what is watched",
        "read",
        content(told),
        refusals=("404", "503"),
        parameters=(*loop, named_one),
    )


def _act(act: str, summary: str, loop: Parameters) -> Operation:
    short = {**TEXT, "maxLength": 200}
    name = {**TEXT, "maxLength": 1000, **({"minLength": 1} if act in ALARM_ACTS else {})}
    subject: Schema = {**TEXT, "enum": list(AUTONOMY)} if act == "autonomy" else name
    body = {
        "reason": {**TEXT, "minLength": 1, "maxLength": 2000},
        "subject": subject,
        "who": short,
        "act_id": short,
    }
    if act == "silence":
        body["for"] = {**TEXT, "pattern": _DURATION}
    needs_subject = act in {"autonomy", "approve", *ALARM_ACTS}
    optional = ("who", "act_id") if needs_subject else ("subject", "who", "act_id")
    example = {"reason": "the weekly check"}
    if needs_subject:
        example["subject"] = _SUBJECTS.get(act, "drift/*")
    if act == "silence":
        example["for"] = "7d"
    return operation(
        summary,
        "operate",
        content(thing({"act_id": TEXT, "accepted": {"type": "boolean"}})),
        body=content(strict(thing(body, optional=optional)), example=example),
        refusals=("400", "404", "413", "422", "503"),
        parameters=loop,
        status="202",
        details="The act is stored; the engine carries it out, or says in the journal why not.",
    )


def _clock(loop: Parameters) -> Operation:
    return operation(
        "Move the clock of a rehearsal",
        "operate",
        content(thing({"now_ns": WHOLE, "tick": WHOLE, "epoch": WHOLE})),
        body=content(strict(thing({"now": MOMENT})), example={"now": "2013-02-01T09:00:00Z"}),
        refusals=("400", "404", "413", "422", "503", "504"),
        parameters=loop,
        details="Answers when the engine and all gateways have followed.",
    )
