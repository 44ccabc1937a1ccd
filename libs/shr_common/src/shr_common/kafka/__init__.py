"""Kafka as every service uses it: records, one producer, dead letters, and batch subscribers that lose nothing."""

from shr_common.kafka.dead_letters import DeadLetters, dead_letter_id
from shr_common.kafka.producer import Producer
from shr_common.kafka.record import Record
from shr_common.kafka.subscriber import Subscribers, Subscription

__all__ = ["DeadLetters", "Producer", "Record", "Subscribers", "Subscription", "dead_letter_id"]
