"""Words and runs that passwords are made of too often. Short on purpose: the length rule does most of the
work.
"""

from __future__ import annotations

_WORDS = """
    password passwort passwd pass heslo parol parola şifre sifre пароль
    secret geheim tajne tajneheslo gizli секрет
    welcome willkommen vitejte hosgeldiniz добропожаловать
    admin administrator root user guest test testing demo default changeme letmein login signin master system
    hello hallo ahoj merhaba привет dragon monkey football baseball hockey soccer sunshine princess shadow
    superman batman starwars iloveyou loveyou trustno whatever freedom charlie michael jordan jennifer ashley
    qwerty qwertz azerty asdf zxcv yxcv йцукен фыва qwertyuiop asdfghjkl zxcvbnm
    summer winter spring autumn sommer herbst leto zima jaro podzim yaz лето зима весна осень
    january february march april june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
    company business office customer customers contact contacts crm sales manager
    computer internet server service security access account private
    """

_PHRASES = """
    correcthorsebatterystaple thequickbrownfoxjumpsoverthelazydog tobeornottobethatisthequestion
    maytheforcebewithyou loremipsumdolorsitamet iamthewalrusiamtheeggman thisismypassword thisisapassword
    314159265358979 3141592653589793 271828182845904 112358132134558914 147258369147258369
    mypasswordismypassword openthepodbaydoors neverguessthispassword youwillneverguess
    """

WORDS = frozenset(_WORDS.split())
PHRASES = frozenset(_PHRASES.split())

RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "йцукенгшщзхъфывапролджэячсмитьбю",
)
