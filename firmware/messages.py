"""Every text that a node shows to people, in Ukrainian and English.

Never holds a text for technicians: the console and event records speak English.
Specification: design, style rule 17; a test compares the languages.
"""

TEXTS = {
    "uk": {
        "starting": "Запуск",
        "no_settings": "Немає налаштувань",
        "no_data": "немає даних",
        "now": "зараз",
        "under_a_minute": "<1 хв",
        "minutes": "{} хв",
    },
    "en": {
        "starting": "Starting",
        "no_settings": "No settings",
        "no_data": "no data",
        "now": "now",
        "under_a_minute": "<1 min",
        "minutes": "{} min",
    },
}


def texts(language):
    """The texts of a language; Ukrainian for one that is not known."""
    return TEXTS.get(language, TEXTS["uk"])
