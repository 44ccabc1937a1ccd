"""What readers were promised stays true: only additions."""

import copy

import pytest
from shr_contracts import topics
from shr_contracts.asyncapi import document
from shr_contracts.cloudevents import event_id
from shr_contracts.events import PUBLISHED
from shr_contracts.schemas import breaking_changes, schema_of, stored_schema


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.__name__)
def test_a_published_value_keeps_its_promise(model):
    assert list(breaking_changes(promised=stored_schema(model), now=schema_of(model))) == []


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.__name__)
def test_the_stored_schema_is_todays(model):
    assert stored_schema(model) == schema_of(model), "run: python -m shr_contracts.schemas"


def test_a_lost_member_and_a_new_alternative_are_breaking():
    promised = schema_of(PUBLISHED[0])
    now = copy.deepcopy(promised)
    del now["properties"]["health_id"]
    now["properties"]["status"]["enum"].append("unheard-of")
    found = list(breaking_changes(promised=promised, now=now))
    assert any("health_id" in one for one in found) and any("unheard-of" in one for one in found)


def test_an_added_member_is_not_breaking():
    promised = schema_of(PUBLISHED[0])
    now = copy.deepcopy(promised)
    now["properties"]["blood_group"] = {"type": "string"}
    assert list(breaking_changes(promised=promised, now=now)) == []


def test_every_topic_has_a_dead_letter_queue_and_a_place_in_asyncapi():
    names = {spec.name for spec in topics.ALL_TOPICS}
    open_topics = {name for name in names if not name.endswith(".dlq")}
    assert {topics.dead_letters_of(name) for name in open_topics} == names - open_topics
    assert set(document()["channels"]) == open_topics


def test_an_events_id_depends_on_what_happened_alone():
    one = event_id(aggregate="98000173958", version=1, type="a")
    assert one == event_id(aggregate="98000173958", version=1, type="a")
    assert one != event_id(aggregate="98000173958", version=2, type="a")
