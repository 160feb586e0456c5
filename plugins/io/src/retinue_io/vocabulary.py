"""Words of headings in English, German, Czech, Turkish and Russian, by what they mean.

Each line is one meaning; phrases are separated by ``|`` and compared folded (no case, no accents, no
punctuation). Meanings that depend on the other columns (`given_or_full`, `family_or_full`, `title`) are
settled in `headings`.
"""

from __future__ import annotations

from retinue_io.text import words

_FIELDS = {
    "name": (
        "full name|display name|contact name|customer name|client name|file as|fn|vollständiger name|"
        "anzeigename|kontaktname|celé jméno|jméno a příjmení|příjmení a jméno|zobrazované jméno|"
        "jméno kontaktu|ad soyad|adı soyadı|isim soyisim|tam ad|tam adı|görünen ad|фио|полное имя|"
        "имя и фамилия|фамилия и имя|фамилия имя отчество|фамилия имя|отображаемое имя|vor und nachname|"
        "name vorname|vorname nachname|vorname name|first and last name"
    ),
    "family_or_full": "name",
    "given_or_full": "jméno|ad|adı|isim|имя",
    "given_name": (
        "given name|first name|firstname|forename|christian name|givenname|fname|vorname|rufname|"
        "křestní jméno|ön ad|önad|ilk ad|ilk isim"
    ),
    "family_name": (
        "family name|last name|lastname|surname|familyname|lname|nachname|familienname|zuname|příjmení|"
        "soyad|soyadı|soyisim|фамилия"
    ),
    "middle_name": (
        "middle name|additional name|second name|patronymic|weitere vornamen|zweiter vorname|druhé jméno|"
        "prostřední jméno|další jméno|ikinci ad|ikinci adı|orta ad|göbek adı|отчество|второе имя"
    ),
    "title_before": (
        "name prefix|prefix|salutation|honorific|title before|anrede|titel vor dem namen|namenspräfix|"
        "oslovení|titul|titul před|titul před jménem|unvan öneki|hitap|обращение|titel|akad titel"
    ),
    "title_after": (
        "name suffix|suffix|title after|generation|namenssuffix|titel nach dem namen|titul za|"
        "titul za jménem|přípona|sonek|soyadı eki|son ek|суффикс"
    ),
    "title": "title",
    "sex": "sex|gender|geschlecht|pohlaví|cinsiyet|пол",
    "birth_date": (
        "birth date|birthdate|birthday|date of birth|dob|bday|born|geburtstag|geburtsdatum|geb datum|"
        "datum narození|narození|narozeniny|doğum tarihi|doğum günü|дата рождения|день рождения|др"
    ),
    "language": (
        "language|preferred language|lang|locale|sprache|bevorzugte sprache|jazyk|preferovaný jazyk|dil|"
        "tercih edilen dil|язык|предпочитаемый язык"
    ),
    "country": (
        "country|country region|country code|nation|land|land region|staat|země|země oblast|stát|ülke|"
        "ülke bölge|страна|страна регион"
    ),
    "city": (
        "city|town|suburb|locality|city town|ort|stadt|wohnort|město|obec|şehir|il|kent|город|"
        "населенный пункт"
    ),
    "region": (
        "region|state|state region|province|county|state province|bundesland|bundesland kanton|kanton|"
        "kraj|okres|oblast|ilçe|bölge|eyalet|il eyalet|eyalet il|область|регион|край|штат|область край|"
        "область край республика|республика|район"
    ),
    "postal_code": (
        "postal code|postcode|post code|zip|zip code|zip postal code|plz|postleitzahl|psč|"
        "poštovní směrovací číslo|směrovací číslo|posta kodu|почтовый индекс|индекс"
    ),
    "street": (
        "street|street address|street name|straße|strasse|str|ulice|ulice a číslo|cadde|sokak|"
        "cadde sokak|улица|strasse und hausnummer|straße nr|улица дом"
    ),
    "number": (
        "street number|house number|house no|hausnummer|hausnr|číslo popisné|č p|čp|číslo domu|kapı no|"
        "bina no|дом|номер дома"
    ),
    "address": (
        "address|address line|postal address|mailing address|adresse|anschrift|adresszeile|postanschrift|"
        "adresa|poštovní adresa|adres|açık adres|posta adresi|адрес|почтовый адрес|formatted address"
    ),
    "formatted": "formatted|celá adresa",
    "email": (
        "e mail|email|mail|e mail address|email address|emailaddress|email adress|mail address|"
        "e mail adresse|email adresse|mailadresse|emailadresse|e mailova adresa|emailová adresa|e posta|"
        "eposta|e posta adresi|eposta adresi|электронная почта|эл почта|адрес электронной почты|почта|"
        "имейл|мейл|е mail|адрес эл почты|additional email addresses|e mail adresi|mail adresi"
    ),
    "phone": (
        "phone|phone number|telephone|telephone number|tel|tel no|phone no|primary phone|contact number|"
        "telefon|telefonnummer|tel nr|rufnummer|haupttelefon|telefonní číslo|tel číslo|primární telefon|"
        "hlavní telefon|telefon numarası|telefon no|telefonu|birincil telefon|ana telefon|телефон|"
        "номер телефона|тел|основной телефон"
    ),
    "mobile": (
        "mobile|mobile phone|mobile phone number|mobile number|cell|cell phone|cellphone|cellular|"
        "mobiltelefon|mobil|mobilnummer|handy|handynummer|mobilní telefon|mobilní|mobilní číslo|cep|"
        "cep telefonu|cep tel|cep no|telefon mobil|gsm|мобильный телефон|мобильный|сотовый|"
        "сотовый телефон|моб телефон|телефон переносной|переносной телефон|telefon mobilní"
    ),
    "fax": "fax|fax number|faxnummer|telefax|fax číslo|faks|belgegeçer|факс",
    "other_phone": (
        "pager|car phone|radio phone|callback|telex|tty tdd phone|isdn|autotelefon|rückmeldung|"
        "funkruftelefon|mobilfunk|operátor|telefon do auta|araç telefonu|çağrı cihazı|geri arama|пейджер|"
        "телефон в машине|радиотелефон|обратный вызов|телекс|assistants phone|assistant s phone|"
        "telefon assistent"
    ),
    "work_phone": (
        "company main phone|company phone|telefon firma|hlavní telefon společnosti|telefon společnosti|"
        "şirket ana telefonu|şirket telefonu|основной телефон организации|телефон организации"
    ),
    "organisation": (
        "company|company name|organization|organisation|organization name|organisation name|employer|"
        "account name|associated company|firma|firmenname|unternehmen|organizace|společnost|název firmy|"
        "zaměstnavatel|název společnosti|şirket|şirket adı|firma adı|kurum|kuruluş|компания|организация|"
        "фирма|название компании|место работы"
    ),
    "job_title": (
        "job title|jobtitle|position|role|occupation|organization title|berufsbezeichnung|funktion|beruf|"
        "jobtitel|pozice|funkce|pracovní pozice|pracovní funkce|povolání|görev|görevi|iş unvanı|unvan|"
        "unvanı|meslek|должность|профессия"
    ),
    "business_line": (
        "industry|business line|line of business|branche|wirtschaftszweig|obor|odvětví|obor podnikání|"
        "sektör|iş kolu|отрасль|сфера деятельности"
    ),
    "website": (
        "website|web site|web page|webpage|url|homepage|website url|personal web page|webseite|"
        "internetseite|webová stránka|web|www|osobní webová stránka|web sitesi|web sayfası|"
        "internet sitesi|kişisel web sayfası|сайт|веб страница|вебсайт|веб сайт|личная веб страница"
    ),
    "preferred_channel": (
        "preferred channel|preferred contact method|bevorzugter kanal|preferovaný kanál|"
        "tercih edilen kanal|предпочитаемый канал|канал связи"
    ),
    "time_zone": "time zone|timezone|zeitzone|časové pásmo|časová zóna|saat dilimi|часовой пояс",
    "status": "status|contact status|lifecycle stage|kontaktstatus|stav|stav kontaktu|durum|статус|состояние",
    "source": "source|lead source|original source|quelle|herkunft|zdroj|kaynak|источник",
    "note": (
        "note|notes|comment|comments|description|remarks|notiz|notizen|bemerkung|bemerkungen|kommentar|"
        "anmerkung|poznámka|poznámky|komentář|not|notlar|açıklama|yorum|примечание|заметки|заметка|"
        "комментарий"
    ),
    "kind": (
        "kind|contact kind|record type|art des kontakts|druh kontaktu|druh|tür|kişi türü|тип контакта|"
        "вид контакта"
    ),
    "tags": (
        "tag|tags|labels|label|categories|category|groups|group membership|keywords|kategorien|"
        "schlagwörter|stichwörter|gruppen|štítky|kategorie|skupiny|klíčová slova|etiket|etiketler|"
        "kategoriler|gruplar|anahtar sözcükler|метки|теги|категории|группы|ключевые слова"
    ),
    "socials": (
        "social|linkedin|facebook|instagram|twitter|telegram|whatsapp|vk|linkedin url|skype|xing|"
        "im address|imaddress|youtube|tiktok|viber|вконтакте|телеграм"
    ),
    "owner": (
        "owner|contact owner|account owner|responsible|assigned to|verantwortlich|zuständig|besitzer|"
        "vlastník|odpovědná osoba|správce|sahip|sorumlu|ответственный|владелец|менеджер"
    ),
    "team": "team|tým|takım|ekip|команда|отдел продаж",
    "external_id": (
        "id|record id|contact id|customer id|client id|rec id|external id|uid|kundennummer|kunden nr|"
        "kundennr|kunden id|id kontaktu|číslo zákazníka|id zákazníka|müşteri no|müşteri numarası|"
        "kayıt no|номер клиента|код клиента|ид|код|hs object id|recid"
    ),
    "id": "retinue id",
    "created_at": (
        "create date|created|created at|created time|creation date|date created|erstellt|erstellt am|"
        "erstelldatum|vytvořeno|datum vytvoření|oluşturulma tarihi|oluşturma tarihi|дата создания|создан"
    ),
}
_MARKS = {
    "home": (
        "home|private|personal|privat|priv|domů|domácí|domácnost|soukromý|soukromé|bydliště|ev|kişisel|"
        "домашний|домашняя|домашнее|домашние|дом адрес|личный|личная|личное|domu|byt|domov|home address|"
        "ev adresi|domaci adresa|домашний адрес"
    ),
    "work": (
        "work|business|office|company|geschäftlich|gesch|dienstlich|arbeit|büro|firma|práce|pracovní|"
        "zaměstnání|do zaměstnání|služební|kancelář|iş|ofis|işyeri|iş adresi|рабочий|рабочая|рабочее|"
        "рабочие|служебный|офис|раб|business address|work address|organization"
    ),
    "other": (
        "other|weitere|weiterer|weiteres|sonstige|anderer|jiný|jiná|jiné|další|ostatní|diğer|başka|"
        "другой|другая|другое|другие|прочий|прочее"
    ),
    "part_label": "label|type|typ|art|tip|tür|тип",
    "part_value": "value|wert|hodnota|değer|значение|name|jméno|address|adresse|adresa|adres|адрес",
    "line": "line|zeile|řádek|satır|строка",
    "filler": (
        "primary|main|contact|customer|client|person|your|the|of|no|number|nummer|code|default|hlavní|"
        "číslo|kontakt|zákazník|klient|haupt|kunde|müşteri|ana|birincil|numarası|клиента|клиент|основной|"
        "основная|номер|контакта|контакт|do|na|v|adresa|adresse|adres|adresi|адрес|telefonu|telefon|"
        "телефон|почта|e|mail|posta"
    ),
    "left_out": (
        "yomi name|given name yomi|additional name yomi|family name yomi|phonetic first name|photo|"
        "initials|phonetic middle name|phonetic last name|given yomi|surname yomi|company yomi|"
        "organization 1 yomi name|e mail display name|e mail type|e mail 2 display name|"
        "e mail 3 display name|e mail typ|e mail 2 typ|e mail 3 typ|"
        "e mail angezeigter name|e mail 2 angezeigter name|e mail 3 angezeigter name|"
        "zobrazované jméno e mailu|typ e mailu|e posta türü|e posta görünen adı|тип эл почты|"
        "краткое имя эл почты|тип эл почты 2|краткое имя эл почты 2|тип эл почты 3|"
        "краткое имя эл почты 3|sensitivity|priority|private|vertraulichkeit|privat|priorität|soukromé|"
        "utajení|priorita|gizlilik|öncelik|özel|важность|конфиденциальность|частное|directory server|"
        "mileage|billing information|organization 1 symbol|abrechnungsinformation|initialen|iniciály|"
        "reisekilometer|verzeichnisserver|инициалы|расстояние|счета|last activity date"
    ),
}


def _table(source: dict[str, str]) -> dict[str, str]:
    table: dict[str, str] = {}
    for meaning, phrases in source.items():
        for phrase in phrases.split("|"):
            table.setdefault(words(phrase), meaning)
    return table


FIELDS = _table(_FIELDS)
LEFT_OUT = frozenset(words(phrase) for phrase in _MARKS["left_out"].split("|"))
MARKS: dict[str, dict[str, str]] = {
    kind: _table({kind: phrases}) for kind, phrases in _MARKS.items() if kind != "left_out"
}
LABEL_WORDS: dict[str, str] = {
    word: label
    for label, phrases in {
        "home": _MARKS["home"],
        "work": _MARKS["work"],
        "other": _MARKS["other"],
        "mobile": _FIELDS["mobile"],
        "fax": _FIELDS["fax"],
    }.items()
    for word in _table({label: phrases})
}
WHOLE_ONLY = frozenset({words("улица, дом")})  # inside a longer heading “дом” is the label home
LONGEST = max(len(phrase.split()) for phrase in FIELDS)
