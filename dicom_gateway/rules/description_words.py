"""Words for body parts and views in descriptions, in the languages of many consoles.

Texts are compared without case, accents and underscores (`fold`). Words that mean something else in another
language are left out: French "main" (hand), Spanish "pie" (foot), "arm" (C-arm).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final


def fold(text: str) -> str:
    """Return a text in lower case, without accents and underscores."""
    decomposed = unicodedata.normalize("NFKD", text.replace("_", " ").lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _compile(words: str, ideographs: str) -> re.Pattern[str]:
    """Return a pattern for whole words, and for ideographs, which have no spaces between words."""
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b|{ideographs}")


CHEST_WORDS: Final = _compile(
    r"""
    chest thorax thoracic(?!\W*(?:spine|vertebra)) cxr lungs?
    torax torace toraks toracica? thoracique poumons? pulmon(?:es|ar|ary)? pulmao pulmoes
    brustkorb lungen? borstkas longen p[lł]uc klatk\w+\spiersiow\w+ plice hrudnik\w*
    грудн\w+ легк(?:их|ие|ого) огк флюорограф\w*
    nguc dada paru gogus akciger
    """,
    "胸",
)
"""Chest and lung."""

OTHER_BODY_WORDS: Final = _compile(
    r"""
    tooth teeth dental dent(?:es|s|aire|adura|atura)? denti dientes? zahn\w* panorami\w* ort?h?opanto\w* opg
    bite\s?wing mandib\w+ maxill\w* unterkiefer oberkiefer kiefer\w* skull cranium craneo cranio schadel\w*
    sinus(?:es)? nasennebenhohlen nnh зуб\w* череп\w* gigi
    spine spinal lumbar lumbal lumbo\w+ cervical sacrum coccyx vertebra\w* scoliosis skoliose lws hws bws
    wirbel\w* rachis columna coluna colonna lombaire lombar lombare kregos[lł]up\w* wervel\w*
    позвоноч\w* tulang\sbelakang abdom\w* kub bauch ventre addom\w* buik brzuch\w* живот\w* брюшн\w* perut
    pelvis pelvic becken\w* bassin bacia bacino miednic\w* таз\w{0,2}
    shoulder schulter epaule hombro ombro spalla clavic\w+ scapula humerus elbow ellenbogen coude codo
    cotovelo gomito forearm unterarm oberarm radius ulna wrist handgelenk poignet muneca punho polso
    hands? hande mains\s[dg]\w* manos? maos? fingers? thumb daumen кист\w* плеч\w* локт\w* tangan
    hip huft\w* hanche cadera quadril femur femoral thigh oberschenkel knees? knie genou genoux rodillas?
    joelhos? ginocchi[oa] tibia fibula unterschenkel ankle sprunggelenk cheville tobillo tornozelo caviglia
    foot feet fu(?:ss|ß) fersenbein calcaneus toes? колен\w* стоп\w* бедр\w* lutut kaki extremit\w*
    mamm\w+ breasts? neck cuello pescoco
    """,
    "[牙齿颅腹膝足]|颈椎|腰椎|骨盆|手部",
)
"""Teeth and skull, spine, abdomen and pelvis, arm and hand, leg and foot, breast and neck."""

LATERAL_WORDS: Final = _compile(
    r"lat lateral\w* ll rl profil perfil profilo seitl\w* obliqu\w* oblicua decub\w* боков\w*", "侧位"
)
FRONTAL_WORDS: Final = _compile(
    r"pa ap p\.a a\.p frontal\w* postero-?anterior antero-?posterior de\sface frente прям\w+\sпроекц\w+",
    "正位",
)
