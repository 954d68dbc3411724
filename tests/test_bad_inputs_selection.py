"""Bad inputs of choosing: each case is named by its row in the catalogue of bad inputs. All headlines are our own."""

import pytest

from service.gate.verdict import NO_RULES, Rules, decide, judge
from service.model import Decision

PAINT, TEXT_ONLY, SKIP = Decision.PAINT, Decision.TEXT_ONLY, Decision.SKIP

GRIM_DAY = (
    "Dozens killed in market bombing",
    "Ferry capsizes, scores missing",
    "Rebels take the provincial capital",
    "Gunman at large after attack on school",
    "Cholera spreads in the camps",
    "Minister jailed for abuse",
)


def case(row, title, decision, *, rules=NO_RULES, language="en"):
    return pytest.param(title, language, rules, decision, id=row)


@pytest.mark.parametrize(
    ("title", "language", "rules", "decision"),
    [
        case("F5-icbm", "Country plans new ICBMs", TEXT_ONLY),
        case("F5-missiles", "Military orders longer-range missiles", TEXT_ONLY),
        case("F5-terror", "Al Qaeda chiefs said to be back in the valley", TEXT_ONLY),
        case("F5-uranium", "Output of weapons-grade uranium doubles", TEXT_ONLY),
        case("F5-nuclear", "North Korea launches from submarine", TEXT_ONLY),
        case("F5-guns", "County votes on open carry", TEXT_ONLY),
        case("F5-place", "Dayton mayor calls for action", TEXT_ONLY),
        case("F5-german", "Nordkorea testet Trägersystem", TEXT_ONLY, language="de"),
        case("F5-french", "Des drones russes visent la centrale", TEXT_ONLY, language="fr"),
        case("F6-film", "Film shot in Oslo", PAINT),
        case("F6-bombshell", "Bakery drops bombshell with square croissant", PAINT),
        case("F6-nap", "Napping cuts risk of heart disease death", PAINT),
        case("F6-killoff", "Home side kill off game early", PAINT),
        case("F6-star", "Shooting star over the bay", PAINT),
        case("F6-cyclone", "Bomb cyclone heads for the coast", PAINT),
        case("F6-poisoning", "Comedian to star in spy poisoning film", PAINT),
        case("F6-stalls", "Market stalls return to the old square", PAINT),
        case("F6-espresso", "A shot of espresso for the oldest barista", PAINT),
        case("F7-found", "Missing boy found safe", PAINT),
        case("F7-war", "No intention of war, says minister", PAINT),
        case("F7-strike", "Strikes ended", PAINT),
        case("F7-vaccine", "First malaria vaccine approved", PAINT),
        case("F7-not-relief", "Missing boy not found", TEXT_ONLY),
        case("F7-tragedy", "Outing ends in tragedy", TEXT_ONLY),
        case("F7-user", "Strike closes the zoo", PAINT, rules=Rules(allow=("zoo",))),
        case("F8-passed-away", "Founder of the bakery passed away", TEXT_ONLY),
        case("F8-collateral", "Regret over collateral damage", TEXT_ONLY),
        case("F8-friendly-fire", "Inquiry into friendly fire", TEXT_ONLY),
        case("F8-adult", "Adult content creator tells all", TEXT_ONLY),
        case("F8-took-life", "He took his own life", TEXT_ONLY),
        case("F8-sarcasm", "Study finds every style of parenting produces miserable adults", TEXT_ONLY),
        case("F9-finnish", "Kissa nukkuu ikkunalla", TEXT_ONLY, language="fi"),
        case("F9-basque", "Kissa nukkuu ikkunalla", TEXT_ONLY, language="eu-ES"),
        case("F9-unknown", "Kissa nukkuu ikkunalla", TEXT_ONLY, language="xx"),
        case("F9-hindi", "रात की रेलगाड़ियां लौटीं", TEXT_ONLY, language="hi"),
        case("F9-arabic", "عودة القطارات الليلية", TEXT_ONLY, language="ar"),
        case("F9-script", "夜行列車が帰ってくる", TEXT_ONLY, language="en"),
        case("F9-trusted", "夜行列車が帰ってくる", PAINT, rules=Rules(trusted_languages=("ja",)), language="ja"),
        case("F9-trusted-grave", "地震で十人死亡", TEXT_ONLY, rules=Rules(trusted_languages=("ja",)), language="ja"),
        case("F9-german-as-english", "Die Suche nach den Toten in der Altstadt", TEXT_ONLY, language="en"),
        case("F11-interest", "Arsenal win the derby", PAINT, rules=Rules(allow=("Arsenal",))),
        case("F11-arsenal", "Arsenal of missiles shown at parade", TEXT_ONLY, rules=Rules(allow=("Arsenal",))),
        case("F11-topic", "Football coach shot dead", TEXT_ONLY, rules=Rules(allow_topics=("sport",))),
        case("F11-inside", "Bakers celebrate", PAINT, rules=Rules(block=("rat",))),
        case("F11-whole", "A rat in the bakery", SKIP, rules=Rules(block=("rat",))),
        case("F11-accent", "Prize for the oldest café", SKIP, rules=Rules(block=("CAFE",))),
        case("F11-hyphen", "The rat-catcher's daughter", SKIP, rules=Rules(block=("rat",))),
        case("F11-phrase", "New york-style bakery", SKIP, rules=Rules(block=("New York",))),
        case("F14-no-text", "", TEXT_ONLY),
        case("F14-no-words", "… !!! 🎉", TEXT_ONLY),
    ],
)
def test_one_headline(title, language, rules, decision):
    """Each headline of the catalogue is painted, shown in words alone or skipped as its row says."""
    found = judge(title, language=language, rules=rules)
    assert decide(found, 0) is decision, found


@pytest.mark.parametrize("dial", [pytest.param(dial, id=f"F4-dial{dial:+d}") for dial in (-10, -5, 0, 5, 10)])
def test_nothing_relaxes_on_a_grim_day(dial):
    """A day of nothing but grim headlines paints none of them at any dial."""
    assert PAINT not in {decide(judge(title), dial) for title in GRIM_DAY}


@pytest.mark.parametrize("dial", [pytest.param(dial, id=f"F9-dial{dial:+d}") for dial in (-10, 0, 10)])
def test_an_unknown_language_is_never_approved(dial):
    """A language nobody taught the gate is painted at no dial."""
    assert decide(judge("Kissa nukkuu ikkunalla", language="fi"), dial) is not PAINT


@pytest.mark.parametrize("dial", [pytest.param(-10, id="F8-lowest"), pytest.param(-10, id="F11-lowest")])
def test_a_veto_holds_at_the_lowest_dial(dial):
    """Euphemisms and interests do not paint a veto topic where everything else is painted."""
    rules = Rules(allow=("Arsenal", "bakery"))
    assert decide(judge("Founder of the bakery passed away", rules=rules), dial) is TEXT_ONLY
    assert decide(judge("Arsenal of missiles shown at parade", rules=rules), dial) is TEXT_ONLY


@pytest.mark.parametrize("title", [pytest.param("You won't believe these Black Friday bargains", id="F10-bait")])
def test_advertising_carries_its_topic(title):
    """Deals and bait are told, so that choosing can put them last."""
    assert "advert" in judge(title).topics
