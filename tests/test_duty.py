"""What a language model may cost, its switch, and its rests: real servers on loopback, a real store."""

import json
import logging
import socket
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from service.editors.ask import Duty
from service.editors.ask.budget import Budget, Price, Usage, estimated, usage_of
from service.editors.ask.rest import PATIENCE, Failing, Rest
from service.editors.chat import Chat, Settings
from service.errors import EditorError, OffDuty
from service.protocols import Brief
from service.store import Account, Store
from service.surroundings import Spending, Surroundings

from .command import objects, told
from .dialects import SCENE, direction, openai, said, silent, speaking, wrong
from .values import NOON, story, verdict

TEMPLATES = Path(__file__).parent.parent / "templates"
PRICE = {"input": 1.0, "output": 10.0}
USED = {"prompt_tokens": 10_000, "completion_tokens": 1_000, "total_tokens": 11_000}  # 0.02 USD at PRICE


class Times:
    """A wall clock and a monotonic one that a test moves."""

    def __init__(self, now=NOON):
        self.wall, self.seconds = now, 1000.0

    def now(self):
        return self.wall

    def monotonic(self):
        return self.seconds

    def pass_(self, **span):
        self.wall += timedelta(**span)
        self.seconds += timedelta(**span).total_seconds()


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def account(tmp_path, times):
    return Account(Store(tmp_path / "data", times.now), "llm", UTC)


def editor(url, account, times, **settings):
    table = {"base_url": url, "model": "tiny", "timeout_seconds": 20, **settings}
    here = Surroundings("llm", Path("/nowhere"), TEMPLATES, zone=UTC, ledger=account)
    made = Chat(Settings.model_validate(table), here, pause=lambda _: None, monotonic=times.monotonic)
    made.duty._now = times.now
    return made


def brief(**other):
    return Brief(**{"verdict": verdict(), "style": "gouache", "now": NOON} | other)


def priced(heard):
    return said(heard.sound()) | {"usage": USED}


def refused_address():
    with socket.create_server(("127.0.0.1", 0)) as door:
        return f"http://127.0.0.1:{door.getsockname()[1]}/v1"


# -- money -------------------------------------------------------------------------------------------------------------


def test_a_question_is_counted_with_its_tokens_and_its_price(account, times):
    """What the server says it took stands in the ledger, at the owner's price."""
    with speaking(priced) as server:
        editor(server.url, account, times, price=PRICE).describe(story(), brief())
    spent = account.today()
    assert (spent.calls, spent.tokens_in, spent.tokens_out) == (1, 10_000, 1_000)
    assert spent.usd == pytest.approx(0.02)


def test_cached_input_has_its_own_price(account, times):
    """Tokens that the server had read before cost what the owner says of such tokens."""
    usage = USED | {"prompt_tokens_details": {"cached_tokens": 8_000}}
    with speaking(lambda heard: said(heard.sound()) | {"usage": usage}) as server:
        editor(server.url, account, times, price=PRICE | {"cached_input": 0.1}).describe(story(), brief())
    assert account.today().usd == pytest.approx(0.002 + 0.0008 + 0.01)


def test_a_server_that_names_its_charge_is_believed_where_no_price_is_set(account, times):
    """OpenRouter's cost counts by itself; a price of the owner's comes before it."""
    usage = USED | {"cost": 0.005}
    with speaking(lambda heard: said(heard.sound()) | {"usage": usage}) as server:
        editor(server.url, account, times).describe(story(), brief())
        assert account.today().usd == pytest.approx(0.005)
        editor(server.url, account, times, price=PRICE).describe(story(), brief())
        assert account.today().usd == pytest.approx(0.025)


def test_tokens_nobody_counts_are_estimated(account, times):
    """A server that says nothing of its usage is counted by the length of what was said."""
    notes = []
    with speaking(lambda heard: {"choices": [{"message": {"content": heard.sound()}}]}) as server:
        editor(server.url, account, times, price=PRICE).describe(story(), brief(note=notes.append))
        sent = sum(len(message["content"]) for message in server.heard[0].body["messages"])
    assert account.today().tokens_in == pytest.approx(sent / 4, rel=0.05)
    assert account.today().usd > 0
    assert any("about " in note.what for note in notes)


def test_a_spent_day_sends_nothing_more(account, times, caplog):
    """When the money of a day is spent no request leaves, the sentence says so, and the log says it once."""
    with speaking(priced) as server:
        chat = editor(server.url, account, times, price=PRICE, max_usd_per_day=0.1)
        with pytest.raises(OffDuty, match=r"budget of llm for today is spent \(0\.\d\d of 0\.10 USD.*until midnight"):
            for _ in range(9):
                chat.describe(story(), brief())
        asked = len(server.heard)
        for _ in range(5):
            with pytest.raises(OffDuty):
                chat.describe(story(), brief())
        assert len(server.heard) == asked
    assert account.today().usd <= 0.1
    assert asked >= 2
    assert len([r for r in caplog.records if "is spent" in r.message]) == 1
    state = chat.state()
    assert state["state"] == "spent for today"
    assert state["until"] == "2026-11-23T00:00:00+00:00"
    assert "is spent" in state["error"]


def test_the_next_day_is_a_new_one_at_the_owners_midnight(tmp_path):
    """Days end where the owner lives: at 23:30 in Tokyo the budget is spent, at 00:10 it is not."""
    tokyo = timezone(timedelta(hours=9))
    times = Times(datetime(2026, 11, 22, 14, 30, tzinfo=UTC))
    account = Account(Store(tmp_path, times.now), "llm", tokyo)
    duty = Duty("llm", Budget(max_calls_per_day=1), account, tokyo, now=times.now, monotonic=times.monotonic)
    duty.begin({}, 100)
    with pytest.raises(OffDuty, match="1 of 1 calls"):
        duty.begin({}, 100)
    times.pass_(minutes=40)
    duty.begin({}, 100)
    assert account.today().calls == 1


def test_a_call_is_counted_before_it_is_sent(account, times):
    """While the server still thinks the call stands in the ledger, at the most that it may cost."""
    seen = []
    with speaking(lambda heard: seen.append(account.today()) or priced(heard)) as server:
        editor(server.url, account, times, price=PRICE).describe(story(), brief())
    assert seen[0].calls == 1
    assert seen[0].usd > 0.04  # 4,000 tokens of output
    assert account.today().usd == pytest.approx(0.02)


def test_a_process_that_dies_at_each_question_stops_at_its_budget(account, times):
    """Calls that never came back count, whoever restarts: a crash loop ends at the bound."""
    budget = Budget(max_usd_per_day=0.5, price=Price(**PRICE))
    sent = 0
    with pytest.raises(OffDuty):
        for _ in range(100):
            Duty("llm", budget, account, UTC, now=times.now).begin({"messages": []}, 4000)
            sent += 1
    assert sent == 12
    assert account.today().usd <= 0.5


def test_a_refused_question_costs_nothing(account, times):
    """A server that answers with an error bills nothing; the call still counts."""
    with speaking(lambda heard: (401, wrong("bad key"))) as server, pytest.raises(EditorError):
        editor(server.url, account, times, price=PRICE).describe(story(), brief())
    assert account.today() == Spending(calls=1)


def test_a_question_without_an_answer_may_have_been_billed(account, times):
    """After a time-out the most that it may have cost stays counted."""
    with speaking(lambda heard: silent) as server, pytest.raises(EditorError):
        editor(server.url, account, times, price=PRICE, timeout_seconds=0.3).describe(story(), brief())
    assert account.today().usd > 0.04


def test_a_question_over_midnight_leaves_no_debt(account, times):
    """What was set aside yesterday is yesterday's: today starts at nothing, not below."""
    duty = Duty("llm", Budget(price=Price(**PRICE)), account, UTC, now=times.now)
    aside = duty.begin({"messages": []}, 4000)
    times.pass_(hours=13)
    duty.settle(aside, Usage(1000, 10))
    assert account.today().usd == pytest.approx(0)
    assert account.today().tokens_in == 1000


def test_two_threads_cannot_spend_the_same_money(account, times):
    """Channels that share an editor share its account: the bound holds however they are timed."""
    duty = Duty("llm", Budget(max_calls_per_day=20), account, UTC, now=times.now)
    sent = []

    def work():
        for _ in range(10):
            try:
                sent.append(duty.begin({}, 10))
            except OffDuty:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == account.today().calls == 20


def test_no_bound_is_no_bound(account, times):
    """Zero switches a bound off."""
    duty = Duty("llm", Budget(max_calls_per_day=0, max_usd_per_day=0, price=Price(**PRICE)), account, UTC)
    duty.settle(duty.begin({}, 10), Usage(10**6, 10**6))
    duty.begin({}, 10)
    assert account.today().usd > 10


@pytest.mark.parametrize("table", [
    {"max_usd_per_day": float("nan")}, {"max_usd_per_day": float("inf")}, {"max_calls_per_day": -1},
    {"price": {"input": -1}}, {"price": {"input": float("nan")}}, {"price": {"inptu": 1}}, {"max_usd_a_day": 1},
])  # fmt: skip
def test_a_budget_that_cannot_hold_is_a_mistake(table):
    """A bound that compares to nothing, a negative price and a key nobody knows do not pass the config."""
    with pytest.raises(ValueError):
        Settings.model_validate({"base_url": "http://h/v1", "model": "m"} | table)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.dictionaries(
        st.sampled_from(["prompt_tokens", "completion_tokens", "cost", "prompt_tokens_details", "cached_tokens"]), inner
    ),
))  # fmt: skip
def test_any_usage_can_be_read(table):
    """Whatever a server calls its usage, the cost is a finite number that is not negative."""
    usage = usage_of(table) or Usage()
    for price in (Price(), Price(input=1, output=2, cached_input=0.5)):
        assert 0 <= usage.cost(price) < float("inf")


def test_messages_are_estimated_with_their_pictures():
    """Text by its bytes, a picture by what vision models count for one."""
    words = [{"role": "user", "content": "a" * 400}]
    parts = [{"role": "user", "content": [{"type": "text", "text": "a" * 400}, {"type": "image_url", "image_url": {}}]}]
    assert estimated(words).tokens_in == 100
    assert estimated(parts).tokens_in == 1600
    assert estimated(words, "夜行列車").tokens_out == 3


# -- the switch --------------------------------------------------------------------------------------------------------


def test_switched_off_means_not_asked(account, times):
    """From the next question on nothing is sent, also by an editor that was made before; on again, it goes on."""
    with speaking(openai) as server:
        chat = editor(server.url, account, times)
        chat.describe(story(), brief())
        account.switch(on=False)
        for made in (chat, editor(server.url, account, times)):
            with pytest.raises(OffDuty, match="switched off; `frontispiece editor on llm`"):
                made.describe(story(), brief())
        assert chat.state()["state"] == "switched off"
        assert chat.state()["since"] == NOON.isoformat()
        assert chat.state()["error"] is None
        account.switch(on=True)
        assert chat.describe(story(), brief()).scene == SCENE
    assert len(server.heard) == 2


def configured(path, url, more=""):
    path.write_text(
        '[channels.home]\nfeeds = ["http://127.0.0.1:9/x"]\neditor = "llm"\n'
        f'[editors.llm]\nkind = "chat"\nbase_url = "{url}"\nmodel = "tiny"\n{more}'
        '[editors.spare]\nkind = "chat"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "other"\n'
    )
    return path


def test_the_command_switches_lists_and_refuses(tmp_path):
    """``editor off`` holds for other processes and after a restart, ``editor`` lists it, and names are checked."""
    with speaking(priced) as server:
        config = configured(tmp_path / "c.toml", server.url, "price = {input = 1, output = 10}\n")
        here = ["--config", config, "--data", tmp_path / "data"]
        describe = ["describe", *here, "--headline", "Village library lends telescopes", "--json"]
        assert "tiny" in objects(told(*describe).out)[0]["why"]
        assert told("editor", "off", "llm", *here).code == 0
        off = objects(told(*describe).out)[0]
        assert "house rules" in " ".join(note["what"] for note in off["transcript"])
        assert len(server.heard) == 1
        rows = {row["name"]: row for row in objects(told("editor", "--json", *here).out)}
        assert rows["llm"]["state"] == "switched off"
        assert (rows["llm"]["calls"], rows["llm"]["tokens"], rows["llm"]["cost_usd"]) == (1, 11_000, 0.02)
        assert rows["spare"]["state"] == "named by no channel"
        words = told("editor", *here).out
        assert "switched off since" in words
        assert "today 1 of 2,000 calls, 11,000 tokens, 0.020 of 1.00 USD" in words
        assert "switched off since" in told("status", *here).out
        assert told("editor", "on", "llm", *here).code == 0
        assert "tiny" in objects(told(*describe).out)[0]["why"]
    before = told("editor", *here, "off", "llm")
    assert before.code == 2
    assert "write --config after `editor off`" in before.err
    for name, said_ in (("house", "stays on"), ("lml", "did you mean llm"), ("x", "no editor")):
        refused = told("editor", "off", name, *here)
        assert refused.code == 2
        assert said_ in refused.err


# -- rests -------------------------------------------------------------------------------------------------------------


def test_three_quick_failures_are_a_rest(account, times):
    """Where nobody listens three stories ask; then none does for a minute, five, thirty, and an hour at most."""
    chat = editor(refused_address(), account, times)
    for _ in range(PATIENCE):
        with pytest.raises(Failing, match="no server answers"):
            chat.describe(story(), brief())
    rests = []
    for _ in range(6):
        with pytest.raises(OffDuty, match=r"rests until \d\d:\d\d: no server answers"):
            chat.describe(story(), brief())
        rests.append(chat.duty._rest.left())
        times.pass_(seconds=rests[-1])
        with pytest.raises(Failing):
            chat.describe(story(), brief())
    assert rests == [60, 300, 1800, 3600, 3600, 3600]
    assert account.today().calls == PATIENCE + 6
    assert chat.state()["state"] == "resting"
    assert "no server answers" in chat.state()["error"]


def test_a_dead_server_costs_a_round_one_time_out(account, times, caplog):
    """After one silence the other stories are not asked about; when the server is back, it is heard at once."""
    alive = []
    with speaking(lambda heard: heard.sound() if alive else silent) as server, caplog.at_level(logging.WARNING):
        chat = editor(server.url, account, times, timeout_seconds=0.3)
        with pytest.raises(Failing):
            chat.decide([(story(), verdict())])
        for n in range(8):
            with pytest.raises(OffDuty):
                chat.describe(story(f"Village {n} opens a library"), brief())
        assert len(server.heard) == 1
        alive.append(True)
        times.pass_(seconds=61)
        chat.settings = chat.settings.model_copy(update={"timeout_seconds": 20})
        del chat._ladder
        assert chat.describe(story(), brief()).scene == SCENE
        assert chat.state()["state"] == "at work"
        assert chat.state()["error"] is None
    assert len([r for r in caplog.records if "rests until" in r.message]) == 1


@pytest.mark.parametrize(("answer", "seconds"), [
    ((401, wrong("bad key")), 3600), ((402, wrong("pay")), 3600), ((429, wrong("exceeded your current quota")), 3600),
    ((429, wrong("free models per day"), {"Retry-After": "1200"}), 1200), ((429, wrong("slow"), {"Retry-After": "1"}), 0),
    ((500, wrong("oops")), 0), ((404, wrong("model 'tiny' not found")), 0),
])  # fmt: skip
def test_what_does_not_mend_by_itself_rests_for_an_hour(answer, seconds, account, times):
    """A refused key and an empty account are not asked again for an hour, a busy server for as long as it says."""
    with speaking(lambda heard: answer) as server:
        chat = editor(server.url, account, times)
        with pytest.raises(Failing):
            chat.describe(story(), brief())
    assert chat.duty._rest.left() == seconds


def test_poor_answers_are_no_failures_of_the_server(account, times):
    """A model that talks nonsense is asked about each story: its server lives."""
    with speaking(lambda heard: json.dumps(direction(scene="a clock"))) as server:
        chat = editor(server.url, account, times)
        for _ in range(5):
            with pytest.raises(EditorError, match="no usable answer"):
                chat.describe(story(), brief())
        assert len(server.heard) == 10
    assert chat.state()["error"] is None


def test_a_slow_server_is_not_a_dead_one(account, times):
    """Where it answered once and ran out of time while mending, the next story is asked about."""
    poor = json.dumps(direction(scene="a clock"))
    with speaking(lambda heard: silent if heard.repair else poor) as server:
        chat = editor(server.url, account, times, timeout_seconds=0.6)
        for _ in range(2):
            with pytest.raises(Failing):
                chat.describe(story(), brief())
    assert len(server.heard) == 4


def test_an_answer_ends_the_count():
    """Failures count only in a row."""
    rest = Rest(lambda: 0.0)
    for _ in range(5):
        rest.failed("oops")
        rest.failed("oops")
        rest.answered()
    assert rest.left() == 0
    assert rest.error == ""


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_questions_begin_alike(account, times):
    """Two stories of a channel differ only after the standing instructions and the schema: servers cache what begins alike."""
    with speaking(openai) as server:
        chat = editor(server.url, account, times)
        for one in (story(), story("Bäcker teilen sich einen Ofen", language="de")):
            chat.describe(one, brief())
    first, second = (heard.body["messages"] for heard in server.heard)
    assert [message["role"] for message in first] == ["system", "user"]
    assert first[0] == second[0]
    assert '"properties"' in first[0]["content"]
    assert first[1] != second[1]
