"""The 64 districts by the last two digits of their BBS geocode, which no two share; Bangla and English."""

from __future__ import annotations

from shr_gateway.pages.formatting import digits

_NAMES = """\
01 বাগেরহাট Bagerhat|03 বান্দরবান Bandarban|04 বরগুনা Barguna|06 বরিশাল Barishal|09 ভোলা Bhola|10 বগুড়া Bogura|
12 ব্রাহ্মণবাড়িয়া Brahmanbaria|13 চাঁদপুর Chandpur|15 চট্টগ্রাম Chattogram|18 চুয়াডাঙ্গা Chuadanga|19 কুমিল্লা Cumilla|
22 কক্সবাজার Cox's_Bazar|26 ঢাকা Dhaka|27 দিনাজপুর Dinajpur|29 ফরিদপুর Faridpur|30 ফেনী Feni|32 গাইবান্ধা Gaibandha|
33 গাজীপুর Gazipur|35 গোপালগঞ্জ Gopalganj|36 হবিগঞ্জ Habiganj|38 জয়পুরহাট Joypurhat|39 জামালপুর Jamalpur|
41 যশোর Jashore|42 ঝালকাঠি Jhalokathi|44 ঝিনাইদহ Jhenaidah|46 খাগড়াছড়ি Khagrachhari|47 খুলনা Khulna|
48 কিশোরগঞ্জ Kishoreganj|49 কুড়িগ্রাম Kurigram|50 কুষ্টিয়া Kushtia|51 লক্ষ্মীপুর Lakshmipur|52 লালমনিরহাট Lalmonirhat|
54 মাদারীপুর Madaripur|55 মাগুরা Magura|56 মানিকগঞ্জ Manikganj|57 মেহেরপুর Meherpur|58 মৌলভীবাজার Moulvibazar|
59 মুন্সীগঞ্জ Munshiganj|61 ময়মনসিংহ Mymensingh|64 নওগাঁ Naogaon|65 নড়াইল Narail|67 নারায়ণগঞ্জ Narayanganj|
68 নরসিংদী Narsingdi|69 নাটোর Natore|70 চাঁপাইনবাবগঞ্জ Chapai_Nawabganj|72 নেত্রকোণা Netrokona|73 নীলফামারী Nilphamari|
75 নোয়াখালী Noakhali|76 পাবনা Pabna|77 পঞ্চগড় Panchagarh|78 পটুয়াখালী Patuakhali|79 পিরোজপুর Pirojpur|
81 রাজশাহী Rajshahi|82 রাজবাড়ী Rajbari|84 রাঙ্গামাটি Rangamati|85 রংপুর Rangpur|86 শরীয়তপুর Shariatpur|
87 সাতক্ষীরা Satkhira|88 সিরাজগঞ্জ Sirajganj|89 শেরপুর Sherpur|90 সুনামগঞ্জ Sunamganj|91 সিলেট Sylhet|
93 টাঙ্গাইল Tangail|94 ঠাকুরগাঁও Thakurgaon"""


def _named(row: str) -> tuple[str, tuple[str, str]]:
    code, bangla, english = row.split()
    return code, (bangla, english.replace("_", " "))


DISTRICTS = dict(_named(row) for row in _NAMES.replace("\n", "").split("|"))
"""Last two digits → Bangla, English."""


def district(code: str | None, lang: str) -> str:
    """The name of a district by its geocode (``3026``); another text stands for itself."""
    bangla = lang == "bn"
    if not code or code == "unknown":
        return "জানা নেই" if bangla else "Not known"
    if code.isascii() and code.isdigit() and len(code) >= 4 and code[2:4] in DISTRICTS:
        return DISTRICTS[code[2:4]][0 if bangla else 1]
    return digits(code, lang)
