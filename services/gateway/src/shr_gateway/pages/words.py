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
