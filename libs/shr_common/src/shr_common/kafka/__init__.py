"""Kafka as every service uses it: records, one producer, dead letters, and batch subscribers that lose nothing."""

from shr_common.kafka.dead_letters import DeadLetter, DeadLetters, dead_letter_id
from shr_common.kafka.producer import Message, Producer
from shr_common.kafka.record import Record
from shr_common.kafka.subscriber import Subscribers, Subscription

__all__ = [
    "DeadLetter",
    "DeadLetters",
    "Message",
    "Producer",
    "Record",
    "Subscribers",
    "Subscription",
    "dead_letter_id",
]
