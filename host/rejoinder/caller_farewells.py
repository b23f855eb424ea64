"""What a caller says to take leave, in the languages in which the host has lines.

A platform discards a hang-up when the caller speaks over its words, also if those are "bye". To know such a case, the words of
a caller are compared with lists, and nothing is guessed: what is neither a farewell nor a courtesy beside one is for the agent.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import product

from rejoinder.dialogue import Transcript

#: A caller who says more than so many words says more than farewell.
MOST_WORDS = 12

_WORD = re.compile(r"[^\W_]+")

#: Texts between commas, by the primary subtag of a language; of words with / between them each makes a text of its own.
FAREWELLS: Mapping[str, str] = {
    "de": """tschüss, tschüs, tschau, ciao, ade, servus, bye, wiederhören, wiedersehen, auf wiederhören/wiedersehen,
        bis dann/bald/später/morgen/dahin, mach's/machs gut, machen sie's gut, gute nacht, schönen tag/abend/nachmittag,
        schönen feierabend, schönes wochenende, ihnen/dir/euch auch, gleichfalls, ebenfalls, ebenso""",
    "en": """bye, goodbye, good bye/night, cheerio, farewell, so long, see you/ya, see you later/soon/then/tomorrow, take care,
        talk to you later/soon, have a good/nice/great/lovely/wonderful day/afternoon/evening/night/weekend/one, you too,
        you as well, same to you""",
    "es": """adiós, chao, chau, bye, hasta luego/pronto/mañana/ahora/entonces, nos vemos, buenas noches, cuídese, cuídate,
        que tenga/tengas un buen día, que tenga/tengas buen día, que tenga/tengas buena tarde/noche, buen día, igualmente""",
    "fr": """au revoir, à bientôt/demain/plus, à plus tard, à la prochaine, à tout à l'heure, adieu, salut, bye, ciao, tchao,
        bonne journée/soirée/nuit, bonne fin de journée, bon après-midi, bon week-end, vous aussi, à vous aussi, de même,
        également, pareillement""",
    "it": """arrivederci, arrivederla, addio, ciao, bye, a presto/dopo/domani, alla prossima, buona giornata/serata/notte,
        buonanotte, buon pomeriggio, buon fine settimana, altrettanto, anche a lei/te/voi""",
    "nl": """dag, daag, doei, doeg, houdoe, bye, ciao, tot ziens/straks/later/morgen/snel/dan/horens, goedenacht, welterusten,
        fijne/prettige dag/avond/middag, fijn/prettig weekend, u/jij ook, insgelijks, hetzelfde""",
    "pt": """adeus, tchau, bye, até logo/já/breve/amanhã/mais, até à próxima, boa noite, bom fim de semana, tenha um bom dia,
        tenha uma boa tarde/noite, igualmente, você também, para si/você também""",
}
#: What may stand beside a farewell, and is none by itself. A word for no that is also a word for not is there with its texts
#: alone: "até amanhã não" puts something off, and "não é tudo" wants more.
COURTESIES: Mapping[str, str] = {
    "de": """danke, dankeschön, danke schön/sehr, vielen/besten/herzlichen dank, nein, nee, nö, bitte, okay, ok, gut, super,
        prima, perfekt, alles klar, ja, und, dann, also, na, noch, einen, das war's/wars, das war/ist alles,
        für ihre/die hilfe""",
    "en": """thanks, thank you, very/so much, a lot, again, cheers, no, nope, okay, ok, alright, all right,
        right, well, great, perfect, fine, lovely, wonderful, yes, yeah, and, then, now, for now, for your/the help,
        for everything, that's/thats all, that is/was all, that's it""",
    "es": """gracias, muchas/muchísimas gracias, no gracias, muy amable, vale, okay, ok, bien, muy bien, perfecto, de acuerdo,
        sí, bueno, pues, y, eso es todo, nada más, no eso es todo, no nada más, por todo, por su/la ayuda""",
    "fr": """merci, merci beaucoup/bien, non, okay, ok, d'accord, bien, très bien, parfait, super, oui, et, alors, bon,
        allez, voilà, c'est tout, pour tout, pour votre aide, madame, monsieur""",
    "it": """grazie, grazie mille, molte/tante grazie, no, okay, ok, va bene, bene, perfetto, d'accordo, sì, allora,
        e, è tutto, di tutto, per l'aiuto, gentilissimo, gentilissima""",
    "nl": """bedankt, hartelijk bedankt, dank u/je, dank u/je wel, dankuwel, dankjewel, nee, oké, ok,
        goed, prima, mooi, top, ja, en, dan, nou, nog, hoor, een, dat was het, dat was/is alles, voor uw/de hulp""",
    "pt": """obrigado, obrigada, muito obrigado/obrigada, não obrigado/obrigada, valeu, okay, ok, certo, está bem, tudo bem,
        perfeito, sim, então, e, é tudo, é só isso, mais nada, nada mais, não mais nada, não nada mais,
        por tudo, pela ajuda""",
}

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """The words of a text as they are compared: without case, accents and punctuation."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return tuple(_WORD.findall(plain))


def _read(texts: str) -> Iterator[Words]:
    for text in filter(None, texts.split(",")):
        for chosen in product(*(word.split("/") for word in text.split())):
            yield words_of(" ".join(chosen))


@cache
def _built_in(tag: str) -> tuple[frozenset[Words], frozenset[Words]]:
    """Farewells and courtesies of a language; read when they are first asked for, which few calls do."""
    return frozenset(_read(FAREWELLS.get(tag, ""))), frozenset(_read(COURTESIES.get(tag, "")))


def is_farewell(text: str, language: str, own: Collection[str] | None = None) -> bool:
    """Whether `text` is a farewell in a BCP 47 language and nothing else but courtesies.

    `own` farewells replace the built-in; none of either, and nothing is one.
    """
    farewells, courtesies = _built_in(language.partition("-")[0].lower())
    if own is not None:
        farewells = frozenset(words for one in own if (words := words_of(one)))
    said = words_of(text)
    if not farewells or not said or len(said) > MOST_WORDS or "?" in text:
        return False
    return _is_made_of(said, farewells, courtesies - farewells)


def _is_made_of(said: Words, farewells: frozenset[Words], courtesies: frozenset[Words]) -> bool:
    """Whether `said` is a row of courtesies and farewells, one farewell at least."""
    reached = {0: False}  # how far rows reach, and whether one of them holds a farewell
    for start in range(len(said)):
        if start not in reached:
            continue
        for end in range(start + 1, len(said) + 1):
            part = said[start:end]
            if part in farewells:
                reached[end] = True
            elif part in courtesies:
                reached[end] = reached.get(end, False) or reached[start]
    return reached.get(len(said), False)


def words_since(before: Transcript, now: Transcript) -> str:
    """What the caller has said since `before`, "" if that cannot be told.

    A caller who goes on makes his last utterance longer: then what it grew by.
    """
    earlier = [said.text for said in before if said.role == "user"]
    all_said = [said.text for said in now if said.role == "user"]
    newer = all_said[len(earlier) :]
    if not earlier or len(all_said) < len(earlier) or all_said[len(earlier) - 1] == earlier[-1]:
        return " ".join(newer)
    then, grown = words_of(earlier[-1]), words_of(all_said[len(earlier) - 1])
    if grown[: len(then)] != then:
        return ""
    is_question = all_said[len(earlier) - 1].count("?") > earlier[-1].count("?")
    return " ".join((*grown[len(then) :], *("?" * is_question), *newer))
