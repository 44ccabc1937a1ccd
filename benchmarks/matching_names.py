"""Common Bangladeshi names, each in Bangla and in the English spellings that people use for it."""

from __future__ import annotations

Name = tuple[str, tuple[str, ...]]

MEN = """
আব্দুল করিম|Abdul Karim|Abdul Kareem; রফিকুল|Rafiqul|Rofiqul|Rafikul; শফিকুল|Shafiqul|Shofiqul|Safiqul
আনোয়ার|Anwar|Anowar|Anower; কামাল|Kamal|Kamaal; জামাল|Jamal|Jamaal; হাসান|Hasan|Hassan; হোসেন|Hossain|Hosen|Hussain; আলী|Ali|Aly
নজরুল|Nazrul|Nozrul|Najrul; সাইফুল|Saiful|Syful; মাহবুব|Mahbub|Mahboob; জাহিদ|Zahid|Jahid; আরিফ|Arif|Areef; তানভীর|Tanvir|Tanveer
ফারুক|Faruk|Faruque|Farooq; মিজান|Mizan|Mijan; সেলিম|Selim|Salim|Saleem; রুবেল|Rubel; সোহেল|Sohel|Suhel; রাসেল|Rasel|Russell
মনির|Monir|Munir|Maneer; নাসির|Nasir|Naseer; কবির|Kabir|Kobir; বশির|Bashir|Basir; হারুন|Harun|Haroon; ইব্রাহিম|Ibrahim|Ebrahim
ইসমাইল|Ismail|Esmail; ইউসুফ|Yusuf|Yousuf|Eusuf; মোস্তফা|Mostafa|Mustafa|Mostofa; গোলাম|Golam|Gulam; শাহাদাত|Shahadat|Sahadat
আশরাফ|Ashraf|Asraf; আলমগীর|Alamgir|Alomgir; জাহাঙ্গীর|Jahangir|Zahangir; খোরশেদ|Khorshed|Khurshid; লুৎফর|Lutfor|Lutfar; মতিউর|Motiur|Matiur
হাবিবুর|Habibur|Hobibur; মোখলেছুর|Mokhlesur|Mukhlesur; আজিজুল|Azizul|Ajijul; সিরাজুল|Sirajul|Serajul; নুরুল|Nurul|Noorul; আমিনুল|Aminul
জহিরুল|Zahirul|Jahirul; মঞ্জুরুল|Monjurul|Manzurul; শামসুল|Shamsul|Samsul; বদরুল|Badrul|Bodrul; কাউসার|Kawsar|Kausar; রাকিব|Rakib|Raqib
সাকিব|Sakib|Shakib|Saqib; তামিম|Tamim|Tameem; মাশরাফি|Mashrafi|Mashrafee; ইমরান|Imran|Emran; আদনান|Adnan; ফয়সাল|Faisal|Foysal|Faysal
নাঈম|Nayeem|Naim; সজীব|Sajib|Sojib|Sajeeb; শাকিল|Shakil|Sakil; পলাশ|Palash|Polash; স্বপন|Swapan|Shopon|Swapon; তপন|Tapan|Topon
শ্যামল|Shyamal|Shamol; রতন|Ratan|Roton; সুমন|Sumon|Suman; বিপ্লব|Biplab|Biplob; প্রদীপ|Pradip|Prodip|Pradeep; দিলীপ|Dilip|Delip
উত্তম|Uttam|Uttom; গৌতম|Goutam|Gautam; নিখিল|Nikhil; অমল|Amal|Omol; বাবুল|Babul; দুলাল|Dulal; মানিক|Manik; লিটন|Liton|Litton; মিলন|Milon|Milan
জসিম|Jasim|Josim|Jashim; কাশেম|Kashem|Kasem|Quasem; আবুল|Abul; হাফিজ|Hafiz|Hafij; মজিবর|Mojibor|Mujibur; খলিল|Khalil|Kholil; ওয়াজেদ|Wazed|Wajed
"""
WOMEN = """
রহিমা|Rahima|Rohima; করিমা|Karima|Korima; ফাতেমা|Fatema|Fatima; আয়েশা|Ayesha|Aisha|Ayasha; খাদিজা|Khadija|Khodeja; আমেনা|Amena|Amina
সালমা|Salma; নাসরিন|Nasrin|Nasreen; পারভীন|Parvin|Parveen|Parbin; শিরিন|Shirin|Shireen; নাজমা|Nazma|Najma; রোকেয়া|Rokeya|Rokea|Rukaiya
সেলিনা|Selina|Salina; শাহানা|Shahana|Sahana; রেহানা|Rehana; সুলতানা|Sultana; জাহানারা|Jahanara; হাসিনা|Hasina; হোসনে আরা|Hosne Ara
নূরজাহান|Nurjahan|Noorjahan; মরিয়ম|Mariam|Moriom|Maryam; জোহরা|Zohra|Johora|Johra; রাবেয়া|Rabeya|Rabea; সুফিয়া|Sufia|Sofia; মমতাজ|Momtaz|Mamtaz
শাহিদা|Shahida|Sahida; হালিমা|Halima; মাহমুদা|Mahmuda; তাসলিমা|Taslima|Toslima; নার্গিস|Nargis|Nargish; ইয়াসমিন|Yasmin|Yeasmin|Easmin
ফরিদা|Farida|Forida; লাইলী|Laily|Laili; শামীমা|Shamima|Samima; আফরোজা|Afroza|Afroja; বিলকিস|Bilkis|Bilquis; দিলরুবা|Dilruba|Dilroba
ফারহানা|Farhana; সাবিনা|Sabina|Sabeena; রুবিনা|Rubina; তানিয়া|Tania|Tanya; সোনিয়া|Sonia; মুক্তা|Mukta; রিনা|Rina|Reena; বীনা|Bina|Beena
শিল্পী|Shilpi|Silpi; লিপি|Lipi; পপি|Popy|Popi; সুমি|Sumi; রুমা|Ruma; ঝর্ণা|Jharna|Jhorna; স্বপ্না|Swapna|Shopna; মিতা|Mita; গীতা|Gita|Geeta
সীতা|Sita|Seeta; অঞ্জলি|Anjali|Onjoli; শেফালী|Shefali|Sefali; মালতী|Malati|Maloti; পূর্ণিমা|Purnima; কল্পনা|Kalpana|Kolpona; আরতি|Arati|Aroti
জেসমিন|Jesmin|Jasmin; মর্জিনা|Morzina|Marjina; হাজেরা|Hazera|Hajera; সখিনা|Sakhina|Sokhina; আনোয়ারা|Anwara|Anowara; মনোয়ারা|Monwara|Monowara
কুলসুম|Kulsum|Kulsoom; রাশিদা|Rashida|Rasheda; শারমিন|Sharmin|Sarmin; সাদিয়া|Sadia; নুসরাত|Nusrat|Nushrat; মীম|Mim|Meem; জান্নাত|Jannat|Zannat
"""
MENS_LAST = """
ইসলাম|Islam; রহমান|Rahman|Rahaman; হোসেন|Hossain|Hossen|Hosen; আহমেদ|Ahmed|Ahamed|Ahmad; আলী|Ali; মিয়া|Mia|Miah; হক|Haque|Hoque|Huq; উদ্দিন|Uddin
খান|Khan; চৌধুরী|Chowdhury|Choudhury|Chowdhuri; সরকার|Sarker|Sarkar; শেখ|Sheikh|Shaikh; মোল্লা|Molla|Mollah; তালুকদার|Talukder|Talukdar
ভূঁইয়া|Bhuiyan|Bhuiya|Bhuyan; মণ্ডল|Mondal|Mandal; প্রামাণিক|Pramanik; দাস|Das; রায়|Roy|Ray; সাহা|Saha; পাল|Paul|Pal; ঘোষ|Ghosh; বিশ্বাস|Biswas|Bishwas
হাওলাদার|Howlader|Hawlader; আকন্দ|Akanda|Akand; কাজী|Kazi|Kaji; সিকদার|Sikder|Shikder; দেওয়ান|Dewan; গাজী|Gazi|Gaji; মজুমদার|Majumder|Mazumder
"""
WOMENS_LAST = """
বেগম|Begum|Begom; খাতুন|Khatun|Khatoon; আক্তার|Akter|Akhter|Aktar; বিবি|Bibi; খানম|Khanam|Khanom; পারভীন|Parvin|Parveen; সুলতানা|Sultana; নাহার|Nahar
রানী|Rani; দেবী|Devi|Debi; ইসলাম|Islam; রহমান|Rahman; জাহান|Jahan; আরা|Ara; ইয়াসমিন|Yasmin|Yeasmin; চৌধুরী|Chowdhury; দাস|Das; সাহা|Saha
"""
TWINS = """
mm হাসান|Hasan / হোসেন|Hossain; mm রহিম|Rahim / করিম|Karim; mm জামাল|Jamal / কামাল|Kamal; ff রহিমা|Rahima / করিমা|Karima; ff রিনা|Rina / বীনা|Bina
ff সীতা|Sita / গীতা|Gita; mm সাকিব|Sakib / রাকিব|Rakib; ff সুমি|Sumi / রুমি|Rumi; ff লাবনী|Laboni / শ্রাবণী|Shrabani; ff তানিয়া|Tania / সোনিয়া|Sonia
ff হাসিনা|Hasina / রোকসানা|Roksana; ff নাজমা|Nazma / নাজনীন|Naznin; mm সুমন|Sumon / সুজন|Sujon; ff মিতু|Mitu / নিতু|Nitu; mf আরিফ|Arif / আরিফা|Arifa
mf শাহিন|Shahin / শাহীনা|Shahina; mf রহিম|Rahim / রহিমা|Rahima; mm আরিফ|Arif / শরিফ|Sharif; mm রাজন|Rajan / সাজন|Sajan; ff রুমা|Ruma / ঝুমা|Jhuma
"""
VILLAGES = """
রসুলপুর|Rasulpur; গোপালপুর|Gopalpur; শিবপুর|Shibpur; কালীগঞ্জ|Kaliganj; মধুপুর|Madhupur; নয়াপাড়া|Noapara|Nayapara; উত্তরপাড়া|Uttarpara
দক্ষিণপাড়া|Dakshinpara|Dokkhinpara; চরপাড়া|Charpara|Chorpara; বড়বাড়ি|Borobari|Barabari; নতুনহাট|Natunhat|Notunhat; পুরানবাজার|Puranbazar; ফুলতলা|Fultola|Phultala
বটতলা|Bottola|Battala; মাঝপাড়া|Majhpara; কাজীপাড়া|Kazipara; মুন্সিপাড়া|Munshipara; শ্যামপুর|Shyampur|Shampur; রাজাপুর|Rajapur; হাজীপুর|Hajipur|Hazipur
"""


def _one(text: str) -> Name:
    bangla, *english = text.strip().split("|")
    return bangla, tuple(english)


def listed(text: str) -> list[Name]:
    """Each name: Bangla, and its English spellings, the usual one first."""
    return [_one(name) for line in text.strip().splitlines() for name in line.split(";") if name.strip()]


def twins() -> list[tuple[str, Name, Name]]:
    """The genders of two, and names that twins are given: as like each other as two names can be."""
    pairs = [pair.strip() for line in TWINS.strip().splitlines() for pair in line.split(";") if pair.strip()]
    return [(pair[:2], *(_one(name) for name in pair[3:].split("/"))) for pair in pairs]
