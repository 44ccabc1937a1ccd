"""Messages to citizens, in Bangla and English: short enough for an SMS, and no clinical word in them."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: dict[str, tuple[str, str]] = {
    "consent-requested": (
        "{recipient} আপনার স্বাস্থ্য তথ্য দেখার অনুমতি চেয়েছে।",
        "{recipient} asks to see your health record.",
    ),
    "consent-code": (
        "অনুমতির কোড: {secret}। কেবল যাঁকে অনুমতি দিতে চান তাঁকেই বলুন। {recipient}",
        "Consent code: {secret}. Tell it only to whom you want to give access. {recipient}",
    ),
    "consent-granted": ("আপনি {recipient}-কে অনুমতি দিয়েছেন।", "You gave access to {recipient}."),
    "consent-denied": ("{recipient}-এর অনুরোধ নাকচ হয়েছে।", "The request of {recipient} was denied."),
    "consent-revoked": ("{recipient}-এর অনুমতি তুলে নেওয়া হয়েছে।", "Access of {recipient} was withdrawn."),
    "break-glass": (
        "জরুরি প্রয়োজনে {recipient} আপনার তথ্য দেখেছে।",
        "{recipient} opened your record in an emergency.",
    ),
    "appointment-booked": ("{start} এ আপনার সাক্ষাৎ ঠিক হয়েছে।", "Your appointment is booked: {start}."),
    "appointment-cancelled": ("{start} এর সাক্ষাৎ বাতিল হয়েছে।", "Your appointment of {start} is cancelled."),
    "appointment-rescheduled": ("আপনার সাক্ষাতের নতুন সময়: {start}।", "Your appointment was moved to {start}."),
    "sign-in-code": ("সাইন ইন কোড: {secret}। কাউকে বলবেন না।", "Sign-in code: {secret}. Tell it to nobody."),
}


class _Lenient(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def text_of(template: str, parameters: Mapping[str, str], secret: str | None) -> str:
    """What the citizen reads. A template without a text of its own lists what it was given."""
    said = {**parameters, **({"secret": secret} if secret else {})}
    forms = TEMPLATES.get(template)
    if forms is None:
        return ": ".join([template, ", ".join(f"{name} {value}" for name, value in said.items())])
    text = " / ".join(" ".join(form.format_map(_Lenient(said)).split()) for form in forms)
    return text if not secret or secret in text else f"{text} {secret}"
