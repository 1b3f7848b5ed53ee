"""What stands for what: keys beside keys, look-alikes, contractions, and a small lexicon.

All of it was written for tamis and is under its licence.
"""

from __future__ import annotations

KEYBOARDS = {
    "qwerty": ("1234567890-", "qwertyuiop[", "asdfghjkl;'", "zxcvbnm,./"),
    "qwertz": ("1234567890ß", "qwertzuiopü", "asdfghjklöä", "yxcvbnm,.-"),
    "azerty": ("&é\"'(-è_çà", "azertyuiop^", "qsdfghjklmù", "wxcvbn,;:!"),
}

_LOOK_ALIKES = (
    "0 O", "0 o", "1 l", "1 I", "l I", "5 S", "5 s", "8 B", "2 Z", "6 b", "9 g", "9 q", "rn m",
    "cl d", "vv w", "li h", "c e", "h b", "u v", "i j", "t f", "ri n", "nn m", "O Q", "E F", "G C",
)  # fmt: skip

_CONTRACTIONS = """
are not=aren't|cannot=can't|could not=couldn't|did not=didn't|does not=doesn't|do not=don't
had not=hadn't|has not=hasn't|have not=haven't|is not=isn't|must not=mustn't|need not=needn't
should not=shouldn't|was not=wasn't|were not=weren't|will not=won't|would not=wouldn't
I am=I'm|I have=I've|I will=I'll|you are=you're|you have=you've|you will=you'll|he will=he'll
she will=she'll|it is=it's|it will=it'll|we are=we're|we have=we've|we will=we'll
they are=they're|they have=they've|they will=they'll|that is=that's|there is=there's
here is=here's|what is=what's|where is=where's|who is=who's|let us=let's
"""

# Words of one line can stand for each other in most sentences.
_SYNONYMS = """
big large|small little|quick fast rapid|slow unhurried|happy glad cheerful|sad unhappy sorrowful
begin start commence|end finish conclude|buy purchase|sell vend|help assist aid|show display
important significant crucial|hard difficult tough|easy simple effortless|good fine great
bad poor awful|old aged ancient|new recent novel|strange odd peculiar|clever smart bright
rich wealthy affluent|angry furious irate|tired weary exhausted|brave courageous bold
calm peaceful tranquil|cold chilly frosty|hot scorching|clean spotless|dirty filthy grubby
answer reply response|ask inquire|try attempt|choose select pick|get obtain acquire|give provide
keep retain|need require|use employ utilize|make create produce|build construct|destroy ruin
fix repair mend|break shatter|change alter modify|grow expand increase|shrink decrease reduce
think believe consider|know understand|say state remark|talk speak chat|shout yell|look gaze
see notice observe|find discover locate|lose misplace|hide conceal|reveal disclose|think ponder
walk stroll|run sprint dash|jump leap|throw toss hurl|catch grab seize|carry haul|push shove
pull drag tug|open unlock|close shut|eat consume|drink sip|sleep doze slumber|live reside dwell
house home residence|street road avenue|town city|car automobile vehicle|child kid youngster
man gentleman|woman lady|friend companion pal|enemy foe rival|boss chief manager|worker employee
job task duty|work labor toil|money cash funds|price cost|gift present|prize award|mistake error
problem issue trouble|idea notion thought|plan scheme|goal aim target|reason cause|result outcome
part piece portion|whole entire complete|kind sort type|way method manner|place spot location
area region zone|picture image|story tale|book volume|letter note|movie film|song tune|game match
doctor physician|teacher instructor|student pupil|sick ill unwell|healthy well fit|pain ache
fear dread terror|love adore cherish|hate detest loathe|like enjoy|want wish desire|hope expect
often frequently|sometimes occasionally|always constantly|never|now currently|soon shortly
later afterwards|very extremely highly|quite rather fairly|nearly almost|only just merely
maybe perhaps possibly|surely certainly definitely|also too|but however|because since|so thus hence
funny amusing humorous|serious grave|beautiful pretty lovely|ugly unattractive|loud noisy
quiet silent hushed|safe secure|dangerous risky hazardous|strong powerful sturdy|weak feeble frail
wide broad|narrow slim|tall high|short brief|heavy weighty|light weightless|full packed|empty vacant
correct right accurate|wrong incorrect mistaken|true genuine real|false untrue fake|famous renowned
"""


def keys(layout: str) -> dict[str, list[str]]:
    """Return, for each character of a keyboard, those beside it (each row is set half a key in)."""
    rows = KEYBOARDS[layout]
    place = {c: (r, k + r / 2) for r, row in enumerate(rows) for k, c in enumerate(row)}
    near: dict[str, list[str]] = {}
    for c, (r, x) in place.items():
        if not c.isalpha():
            continue
        beside = [
            d for d, (q, y) in place.items() if d != c and abs(q - r) <= 1 and abs(y - x) <= 1
        ]
        near[c] = [d for d in beside if d.isalnum()]
    return near


def look_alikes() -> dict[str, list[str]]:
    """Return what a scanner takes characters for, both ways."""
    table: dict[str, list[str]] = {}
    for pair in _LOOK_ALIKES:
        one, other = pair.split(" ")
        table.setdefault(one, []).append(other)
        table.setdefault(other, []).append(one)
    return table


def contractions(direction: str) -> dict[str, list[str]]:
    """Return English phrases with their short forms ('contract'), the reverse, or both."""
    table: dict[str, list[str]] = {}
    for pair in _CONTRACTIONS.replace("\n", "|").strip("|").split("|"):
        long, short = pair.split("=")
        if direction != "expand":
            table[long] = [short]
            table[long.lower()] = [short]
        if direction != "contract":
            table[short] = [long]
            table[short.lower()] = [long]
    return table


def lexicon() -> dict[str, list[str]]:
    """Return a small English lexicon of everyday words."""
    table: dict[str, list[str]] = {}
    for line in _SYNONYMS.replace("\n", "|").strip("|").split("|"):
        words = line.split()
        for word in words:
            others = table.setdefault(word, [])
            others += [w for w in words if w != word and w not in others]
    return {word: others for word, others in table.items() if others}
