"""Terms of the trade as a citizen says them, in Bangla and English."""

from __future__ import annotations

from collections.abc import Sequence

from shr_gateway.pages.formatting import number

RECORD_TYPES: dict[str, tuple[str, str, str]] = {
    "Observation": ("পরীক্ষার ফল", "test result", "test results"),
    "DiagnosticReport": ("রিপোর্ট", "report", "reports"),
    "MedicationRequest": ("ওষুধ", "medicine", "medicines"),
    "MedicationStatement": ("ওষুধ", "medicine", "medicines"),
    "MedicationDispense": ("দেওয়া ওষুধ", "dispensed medicine", "dispensed medicines"),
    "Condition": ("রোগ", "problem", "problems"),
    "AllergyIntolerance": ("অ্যালার্জি", "allergy", "allergies"),
    "Encounter": ("ভিজিট", "visit", "visits"),
    "Immunization": ("টিকা", "vaccine", "vaccines"),
    "Procedure": ("চিকিৎসা", "procedure", "procedures"),
    "DocumentReference": ("কাগজপত্র", "document", "documents"),
    "Profile": ("সারসংক্ষেপ", "summary", "summaries"),
}
"""FHIR type → Bangla, English singular, English plural."""

ASKABLE = (
    "Observation",
    "MedicationRequest",
    "Condition",
    "AllergyIntolerance",
    "Encounter",
    "Immunization",
    "Procedure",
)
"""What a doctor can ask for and a citizen can untick, in the order of the page."""

PURPOSES = {
    "CAREMGT": ("চিকিৎসার জন্য", "to treat you"),
    "BTG": ("জরুরি অবস্থায়", "in an emergency"),
    "PATRQT": ("নিজের জন্য", "for yourself"),
    "PUBHLTH": ("জনস্বাস্থ্যের কাজে", "for public health"),
    "HPAYMT": ("বিলের কাজে", "for payment"),
    "HRESCH": ("গবেষণার কাজে", "for research"),
}

SOURCES = {
    "openmrs": ("ওপেনএমআরএস+", "OpenMRS+"),
    "opensrp": ("ওপেনএসআরপি", "OpenSRP"),
    "aalo": ("আলো ক্লিনিক", "Aalo Clinic"),
    "emis": ("ইএমআইএস", "eMIS"),
    "openelis": ("ওপেনইএলআইএস", "OpenELIS"),
    "odoo": ("ওডু", "Odoo"),
    "pacs": ("প্যাকস", "PACS"),
    "hr": ("এইচআর", "HR"),
}


def of_type(record_type: str, lang: str) -> str:
    """A record type in the plural, as a heading or a choice."""
    bangla, _, plural = RECORD_TYPES.get(record_type, ("অন্যান্য তথ্য", "other record", "other records"))
    return bangla if lang == "bn" else plural


def listed(parts: Sequence[str], lang: str) -> str:
    """``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {'ও' if lang == 'bn' else 'and'} {parts[-1]}"


def looked_at(what: Sequence[tuple[str, int]], lang: str) -> str:
    """``4 medicines and 6 test results`` / ``৪টি ওষুধ ও ৬টি পরীক্ষার ফল``; kinds with one name are added up."""
    counted: dict[tuple[str, str, str], int] = {}
    for record_type, count in what:
        name = RECORD_TYPES.get(record_type, ("অন্যান্য তথ্য", "other record", "other records"))
        counted[name] = counted.get(name, 0) + count
    parts = []
    for (bangla, singular, plural), count in counted.items():
        if lang == "bn":
            parts.append(f"{number(count, lang)}টি {bangla}")
        else:
            parts.append(f"{number(count, lang)} {singular if count == 1 else plural}")
    return listed(parts, lang)


def of_types(record_types: Sequence[str] | str, lang: str) -> str:
    """``test results, medicines and problems``; ``"*"`` is everything but what is sensitive."""
    if isinstance(record_types, str):
        return "সব তথ্য, সংবেদনশীল অংশ বাদে" if lang == "bn" else "everything but the sensitive parts"
    return listed(list(dict.fromkeys(of_type(one, lang) for one in record_types)), lang)


Words = dict[str, tuple[str, str]]
"""A code → Bangla, English."""

CASES: Words = {
    "possible-duplicate": ("একই ব্যক্তি হতে পারেন", "May be one person twice"),
    "same-person": ("নম্বর বলছে একই ব্যক্তি", "Their numbers say: one person"),
    "shared-form": ("দুজনের একই নম্বর", "One number, two people"),
    "number-proven-by-another": ("নম্বরটি অন্যজনের বলে প্রমাণিত", "The number was proven to be another's"),
    "demographics-differ": ("একই নম্বর, অন্য তথ্য", "Same number, other details"),
    "verification-contradicted": ("জাতীয় তথ্যের সঙ্গে মেলে না", "Differs from the national register"),
    "verification-unknown": ("নম্বরটি জাতীয় তথ্যে নেই", "The national register does not know the number"),
    "verification-mismatch": ("জাতীয় তথ্যের সঙ্গে মেলে না", "Differs from the national register"),
    "numbers-unlinked": ("নম্বরটি তাঁর কি না জানা নেই", "Nothing ties the number to this person"),
    "number-differs": ("একই ধরনের অন্য নম্বর", "Another number of one kind"),
    "local-id-shared": ("হাসপাতালের একই নম্বর, দুজন", "One hospital number, two people"),
}

FIELDS: Words = {
    "name": ("নাম", "Name"),
    "gender": ("লিঙ্গ", "Gender"),
    "birthDate": ("জন্ম তারিখ", "Birth date"),
    "birth_date": ("জন্ম তারিখ", "Birth date"),
    "deceasedDateTime": ("মৃত্যুর তারিখ", "Date of death"),
    "deceasedBoolean": ("মৃত", "Deceased"),
    "address": ("ঠিকানা", "Address"),
    "telecom": ("ফোন", "Phone"),
}

GENDERS: Words = {
    "female": ("নারী", "Female"),
    "male": ("পুরুষ", "Male"),
    "other": ("অন্যান্য", "Other"),
    "unknown": ("জানা নেই", "Not known"),
}

NUMBERS: Words = {
    "http://dghs.gov.bd/identifier/nid": ("এনআইডি", "NID"),
    "http://dghs.gov.bd/identifier/brn": ("জন্ম নিবন্ধন", "Birth registration"),
}

ACTIONS: Words = {
    "register": ("নিবন্ধন", "Registered"),
    "update": ("তথ্য বদল", "Details changed"),
    "merge": ("একীভূত", "Merged"),
    "unmerge": ("একীভবন বাতিল", "Merge undone"),
    "verify": ("নম্বর যাচাই", "Number verified"),
    "guardian-add": ("অভিভাবক যোগ", "Guardian added"),
    "guardian-end": ("অভিভাবকত্ব শেষ", "Guardianship ended"),
}

ROLES: Words = {
    "registrar": ("নিবন্ধক", "Registrar"),
    "reviewer": ("পর্যালোচক", "Reviewer"),
    "facility": ("অভ্যর্থনা", "Front desk"),
    "source_system": ("উৎস সিস্টেম", "Source system"),
    "frontdesk": ("অভ্যর্থনা", "Front desk"),
}

CARDS: Words = {
    "registered": ("তৈরি, দেওয়া হয়নি", "Made, not handed over"),
    "issued": ("দেওয়া হয়েছে", "Handed over"),
    "replaced": ("বদলে দেওয়া হয়েছে", "Replaced"),
    "revoked": ("বাতিল", "Revoked"),
    "lost": ("হারিয়ে গেছে", "Lost"),
}

DECISIONS: Words = {
    "same": ("একই ব্যক্তি", "One person"),
    "different": ("দুজন আলাদা ব্যক্তি", "Two different people"),
    "approve": ("অনুমোদিত", "Approved"),
    "reject": ("প্রত্যাখ্যাত", "Rejected"),
    "approved": ("অনুমোদিত", "Approved"),
    "rejected": ("প্রত্যাখ্যাত", "Rejected"),
    "pending": ("অপেক্ষায়", "Waiting"),
}


def said(words: Words, code: str | None, lang: str) -> str:
    """What a code is called; a code without a name stands for itself."""
    bangla, english = words.get(code or "", (code or "", code or ""))
    return bangla if lang == "bn" else english


def of_source(source: str, lang: str) -> str:
    """``openmrs/10000001`` as people say it: the system, and the facility's code."""
    system, _, facility = source.partition("/")
    name = said({**SOURCES, **ROLES}, system, lang)
    return f"{name} · {number(facility, lang)}" if facility and facility != "unknown" else name
