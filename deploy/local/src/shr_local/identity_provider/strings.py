"""What the sign-in pages say, in Bangla and English."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("bn", "en")
DEFAULT_LANGUAGE = "bn"

STRINGS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Sign in · Shared Health Record",
        "skip": "Skip to the content",
        "brand": "Shared Health Record",
        "authority": "DGHS, Bangladesh",
        "other_lang": "bn",
        "other_lang_name": "বাংলা",
        "call_centre": "Health call centre",
        "call_centre_number": "16263",
        "emergency": "emergency",
        "emergency_number": "999",
        "development": "Development sign-in: for trying out, not for real records.",
        "heading": "Sign in to your record",
        "health_id": "Health ID",
        "health_id_hint": "The 11 digits on your card, in Bangla or English digits.",
        "send_code": "Send me a code",
        "code_notice": "A 6-digit code goes to the mobile number given at registration. Tell it to nobody; we never"
        " call to ask for it.",
        "unknown_id": "I do not know my Health ID",
        "unknown_id_help": "Any government hospital or community clinic can find it with your national ID card or birth"
        " certificate.",
        "new_phone": "My mobile number has changed",
        "new_phone_help": "Have the new number added at a registration desk.",
        "staff": "Health workers and administrators",
        "staff_hint": "Sign in with the account of your workplace.",
        "workplace": "Workplace account",
        "workplace_heading": "Workplace account",
        "account": "Choose an account",
        "other_account": "Another health worker",
        "practitioner": "Registration number of the health worker",
        "facility": "Facility code",
        "code_heading": "Enter the code",
        "code": "Code",
        "code_hint": "The 6 digits that were sent to you. They are valid for 5 minutes.",
        "dev_code": "Development: no message is sent. Your code is",
        "sign_in": "Sign in",
        "other_id": "Use another Health ID",
        "back": "Back",
        "again": "Start again",
        "refused_heading": "Signing in did not work",
        "expired": "This sign-in has expired or was used already.",
        "too_many": "The code was wrong three times. Nobody was signed in.",
        "bad_client": "The application that sent you here is not known, or its return address is not allowed.",
        "id_empty": "Enter your Health ID.",
        "id_not_digits": "A Health ID has digits only.",
        "id_length": "A Health ID has 11 digits. You wrote {count}.",
        "id_check": "This number is not right. Check it against your card.",
        "code_wrong": "This code is not right. Look at it again.",
        "choose": "Choose an account.",
        "both": "Enter both the registration number and the facility code.",
    },
    "bn": {
        "title": "প্রবেশ · শেয়ার্ড হেলথ রেকর্ড",
        "skip": "মূল অংশে যান",
        "brand": "শেয়ার্ড হেলথ রেকর্ড",
        "authority": "স্বাস্থ্য অধিদপ্তর",
        "other_lang": "en",
        "other_lang_name": "English",
        "call_centre": "স্বাস্থ্য বাতায়ন",
        "call_centre_number": "১৬২৬৩",
        "emergency": "জরুরি",
        "emergency_number": "৯৯৯",
        "development": "পরীক্ষার জন্য প্রবেশ: আসল রেকর্ডের জন্য নয়।",
        "heading": "নিজের রেকর্ডে প্রবেশ করুন",
        "health_id": "হেলথ আইডি",
        "health_id_hint": "কার্ডে লেখা ১১ অঙ্ক। বাংলা বা ইংরেজি, যেভাবে খুশি লিখুন।",
        "send_code": "কোড পাঠান",
        "code_notice": "নিবন্ধনের সময় যে মোবাইল নম্বর দিয়েছিলেন, সেখানে ৬ অঙ্কের কোড যাবে। কোডটি কাউকে বলবেন না; আমরা কখনো ফোন"
        " করে কোড চাই না।",
        "unknown_id": "হেলথ আইডি মনে নেই",
        "unknown_id_help": "জাতীয় পরিচয়পত্র বা জন্ম নিবন্ধন সনদ নিয়ে যেকোনো সরকারি হাসপাতাল বা কমিউনিটি ক্লিনিকে"
        " গেলে খুঁজে দেওয়া হবে।",
        "new_phone": "মোবাইল নম্বর বদলে গেছে",
        "new_phone_help": "নিবন্ধনকেন্দ্রে গিয়ে নতুন নম্বর যোগ করুন।",
        "staff": "স্বাস্থ্যকর্মী ও প্রশাসক",
        "staff_hint": "কর্মস্থলের অ্যাকাউন্ট দিয়ে প্রবেশ করুন।",
        "workplace": "কর্মস্থলের অ্যাকাউন্ট",
        "workplace_heading": "কর্মস্থলের অ্যাকাউন্ট",
        "account": "একটি অ্যাকাউন্ট বেছে নিন",
        "other_account": "অন্য স্বাস্থ্যকর্মী",
        "practitioner": "স্বাস্থ্যকর্মীর নিবন্ধন নম্বর",
        "facility": "প্রতিষ্ঠানের কোড",
        "code_heading": "কোডটি লিখুন",
        "code": "কোড",
        "code_hint": "আপনাকে পাঠানো ৬ অঙ্ক। ৫ মিনিট পর্যন্ত চলবে।",
        "dev_code": "পরীক্ষার জন্য: কোনো বার্তা পাঠানো হয়নি। আপনার কোড",
        "sign_in": "প্রবেশ করুন",
        "other_id": "অন্য হেলথ আইডি লিখুন",
        "back": "ফিরে যান",
        "again": "আবার শুরু করুন",
        "refused_heading": "প্রবেশ করা যায়নি",
        "expired": "এই প্রবেশের সময় শেষ হয়েছে, অথবা এটি আগেই ব্যবহার হয়েছে।",
        "too_many": "কোডটি তিনবার ভুল হয়েছে। কেউ প্রবেশ করেননি।",
        "bad_client": "যে অ্যাপ থেকে এসেছেন সেটি চেনা নয়, অথবা তার ফেরার ঠিকানা অনুমোদিত নয়।",
        "id_empty": "আপনার হেলথ আইডি লিখুন।",
        "id_not_digits": "হেলথ আইডিতে শুধু অঙ্ক থাকে।",
        "id_length": "হেলথ আইডি ১১ অঙ্কের হয়। আপনি {count}টি লিখেছেন।",
        "id_check": "নম্বরটি মিলছে না। কার্ড দেখে আবার লিখুন।",
        "code_wrong": "কোডটি মিলছে না। আবার দেখে লিখুন।",
        "choose": "একটি অ্যাকাউন্ট বেছে নিন।",
        "both": "নিবন্ধন নম্বর আর প্রতিষ্ঠানের কোড দুটিই লিখুন।",
    },
}

_BANGLA_DIGITS = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


def say(lang: str, key: str, **values: int) -> str:
    """One sentence, with counts in the digits of the language."""
    digits = {name: str(value) for name, value in values.items()}
    if lang == "bn":
        digits = {name: text.translate(_BANGLA_DIGITS) for name, text in digits.items()}
    return STRINGS[lang][key].format(**digits)


def language_of(*wishes: str | None) -> str:
    """The first wished language that we speak (``bn-BD en`` counts as two wishes), else Bangla."""
    for wish in wishes:
        for tag in (wish or "").split():
            if tag.split("-")[0].lower() in LANGUAGES:
                return tag.split("-")[0].lower()
    return DEFAULT_LANGUAGE
