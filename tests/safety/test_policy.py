from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.detectors.score import Score
from intaglio.errors import ConfigurationError
from intaglio.safety.policy import Action, Finding, Policy, Rule, default_policy, read_policy

RULE = Rule("explicit", "nsfw", 0.5, "withhold")
VALID = """
schema = "policy/1"
id = "house/3"

[[rule]]
name = "explicit"
category = "nsfw"
threshold = 0.5
action = "withhold"
"""


def nsfw(value: float, detector: str = "d/1", region: tuple[int, int, int, int] | None = None) -> Score:
    return Score(detector, "nsfw", value, region)


def policy(*rules: Rule) -> Policy:
    return Policy("house/3", rules)


class TestJudge:
    def test_allows_below_the_threshold(self) -> None:
        decision = policy(RULE).judge([nsfw(math.nextafter(0.5, 0))])
        assert (decision.action, decision.released, decision.findings) == ("allow", True, ())
        assert decision.reasons() == ()

    def test_the_threshold_itself_breaks_the_rule(self) -> None:
        assert policy(RULE).judge([nsfw(0.5)]).action == "withhold"

    def test_a_threshold_of_zero_is_always_reached(self) -> None:
        assert policy(Rule("all", "nsfw", 0.0, "review")).judge([nsfw(0.0)]).action == "review"

    def test_says_what_was_found_where(self) -> None:
        decision = policy(RULE).judge([nsfw(0.2), nsfw(0.93, "e/2", (0, 0, 8, 8))])
        assert decision.findings == (Finding("nsfw", 0.93, 0.5, "explicit", "withhold", "e/2", (0, 0, 8, 8)),)
        assert (decision.policy, decision.sha256) == ("house/3", policy(RULE).sha256)

    @pytest.mark.parametrize("scores", [[], [Score("d/1", "violence", 0.1)]])
    @pytest.mark.parametrize("action", ["blur", "review", "withhold"])
    def test_a_category_that_nobody_scored_is_withheld(self, scores: list[Score], action: Action) -> None:
        decision = policy(Rule("any", "nsfw", 1.0, action)).judge(scores)
        assert (decision.action, decision.released) == ("withhold", False)
        assert decision.findings[0].score is None
        assert decision.reasons() == ("nsfw has no score for rule 'any', so the picture was withheld.",)

    def test_a_rule_for_one_detector_reads_no_other(self) -> None:
        rules = policy(Rule("mine", "nsfw", 0.5, "blur", "mine/1"))
        assert rules.judge([nsfw(0.1, "mine/1"), nsfw(0.9, "other/1")]).action == "allow"
        missing = rules.judge([nsfw(0.1, "other/1")])
        assert missing.action == "withhold"
        assert missing.reasons() == ("nsfw has no score of 'mine/1' for rule 'mine', so the picture was withheld.",)

    def test_blur_is_released_and_review_is_not(self) -> None:
        assert policy(Rule("soft", "nsfw", 0.5, "blur")).judge([nsfw(0.9)]).released
        assert not policy(Rule("look", "nsfw", 0.5, "review")).judge([nsfw(0.9)]).released

    def test_reasons_name_category_score_threshold_and_rule(self) -> None:
        assert policy(RULE).judge([nsfw(0.931)]).reasons() == (
            "nsfw scored 0.93, at or above the threshold 0.50 of rule 'explicit', so the picture was withheld.",
        )

    def test_a_weaker_rule_says_what_it_alone_would_do(self) -> None:
        decision = policy(Rule("soft", "nsfw", 0.2, "blur"), RULE).judge([nsfw(0.6)])
        assert decision.reasons() == (
            "nsfw scored 0.60, at or above the threshold 0.20 of rule 'soft', which alone would have it blurred.",
            "nsfw scored 0.60, at or above the threshold 0.50 of rule 'explicit', so the picture was withheld.",
        )

    def test_a_shown_score_is_never_below_the_shown_threshold(self) -> None:
        decision = policy(Rule("fine", "nsfw", 0.9345, "review")).judge([nsfw(0.93451)])
        assert "scored 0.9345, at or above the threshold 0.9345" in decision.reasons()[0]
        assert decision.reasons()[0].endswith("so the picture was held for review.")


scores = st.lists(
    st.builds(Score, st.sampled_from(["a/1", "b/1"]), st.sampled_from(["nsfw", "gore"]), st.floats(0, 1)),
    max_size=6,
)
rules = st.lists(
    st.builds(
        Rule,
        st.uuids().map(str),
        st.sampled_from(["nsfw", "gore"]),
        st.floats(0, 1),
        st.sampled_from(["blur", "review", "withhold"]),
        st.sampled_from([None, "a/1", "b/1"]),
    ),
    min_size=1,
    max_size=5,
)
STRENGTH = ["allow", "blur", "review", "withhold"]


def strength(action: str) -> int:
    return STRENGTH.index(action)


@given(rules, scores)
def test_the_strongest_action_of_the_single_rules_wins(given_rules: list[Rule], given_scores: list[Score]) -> None:
    alone = [policy(rule).judge(given_scores).action for rule in given_rules]
    decision = policy(*given_rules).judge(given_scores)
    assert decision.action == max(alone, key=strength)
    assert len(decision.findings) == len(decision.reasons()) == sum(action != "allow" for action in alone)


@given(rules, scores, st.randoms())
def test_the_order_of_scores_does_not_matter(given_rules: list[Rule], given_scores: list[Score], chance: Any) -> None:
    shuffled = given_scores.copy()
    chance.shuffle(shuffled)
    assert policy(*given_rules).judge(shuffled).action == policy(*given_rules).judge(given_scores).action


@given(rules, scores, st.floats(0, 1))
def test_a_higher_score_never_weakens(given_rules: list[Rule], given_scores: list[Score], more: float) -> None:
    higher = [Score(s.detector, s.category, max(s.value, more)) for s in given_scores]
    before = policy(*given_rules).judge(given_scores).action
    assert strength(policy(*given_rules).judge(higher).action) >= strength(before)


class TestMaking:
    @pytest.mark.parametrize("threshold", [math.nan, math.inf, -math.inf, -0.1, 1.1, cast("float", True)])
    def test_a_threshold_out_of_range_is_refused(self, threshold: float) -> None:
        with pytest.raises(ConfigurationError, match="from 0 to 1"):
            Rule("r", "nsfw", threshold, "withhold")

    @pytest.mark.parametrize("action", ["allow", "delete", "", "WITHHOLD"])
    def test_an_unknown_action_is_refused(self, action: str) -> None:
        with pytest.raises(ConfigurationError, match="blur, review or withhold"):
            Rule("r", "nsfw", 0.5, cast("Action", action))

    @pytest.mark.parametrize(("name", "category", "detector"), [("", "nsfw", None), ("r", "", None), ("r", "n", "")])
    def test_an_empty_name_is_refused(self, name: str, category: str, detector: str | None) -> None:
        with pytest.raises(ConfigurationError, match="needs a name"):
            Rule(name, category, 0.5, "withhold", detector)

    @pytest.mark.parametrize(("id_", "given_rules"), [("house/3", ()), ("", (RULE,))])
    def test_an_empty_policy_is_refused(self, id_: str, given_rules: tuple[Rule, ...]) -> None:
        with pytest.raises(ConfigurationError, match="at least one rule"):
            Policy(id_, given_rules)

    def test_two_rules_of_one_name_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="one name"):
            policy(RULE, RULE)


class TestReading:
    def test_reads_every_field(self) -> None:
        document = VALID + 'detector = "d/1"\n[[rule]]\nname="b"\ncategory="c"\nthreshold=1\naction="blur"\n'
        assert read_policy(document.encode(), "p.toml") == Policy(
            "house/3", (Rule("explicit", "nsfw", 0.5, "withhold", "d/1"), Rule("b", "c", 1, "blur"))
        )

    @pytest.mark.parametrize(
        ("old", "new", "cause"),
        [
            ("policy/1", "policy/2", "policy/1"),
            ('schema = "policy/1"', "", "schema"),
            ('id = "house/3"', "", "id"),
            ("house/3", "house", "house"),
            ("[[rule]]", "[[rules]]", "rules"),
            ('"withhold"', '"allow"', "allow"),
            ('"withhold"', '"delete"', "delete"),
            ('action = "withhold"', "", "action"),
            ("threshold = 0.5", "", "threshold"),
            ("0.5", "1.5", "1.5"),
            ("0.5", "-0.5", "-0.5"),
            ("0.5", "nan", "nan"),
            ("0.5", "inf", "inf"),
            ("0.5", '"0.5"', "0.5"),
            ("0.5", "true", "True"),
            ('"nsfw"', '""', "category"),
            ("threshold = 0.5", "threshold = 0.5\ntreshold = 0.9", "treshold"),
            ("threshold = 0.5", "threshold = 0.5\nthreshold = 0.9", "TOML"),
            ("[[rule]]", "[rule]", "rule"),
            ("0.5", "0.5.5", "TOML"),
        ],
    )
    def test_a_mistake_is_refused_with_its_source_and_cause(self, old: str, new: str, cause: str) -> None:
        assert old in VALID
        with pytest.raises(ConfigurationError, match=r"^p\.toml") as caught:
            read_policy(VALID.replace(old, new).encode(), "p.toml")
        assert cause in str(caught.value)

    @pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{}", b'schema="policy/1"\nid="a/1"\nrule=[]'])
    def test_what_holds_no_rule_is_refused(self, data: bytes) -> None:
        with pytest.raises(ConfigurationError, match=r"^p\.toml"):
            read_policy(data, "p.toml")

    def test_two_rules_of_one_name_are_refused(self) -> None:
        rule = VALID[VALID.index("[[rule]]") :]
        with pytest.raises(ConfigurationError, match=r"^p\.toml: .*one name"):
            read_policy((VALID + rule).encode(), "p.toml")


class TestDigest:
    # The document in spec/policy.md, written out by hand.
    CANONICAL = (
        b'{"id":"house/3","rule":[{"action":"withhold","category":"nsfw","name":"explicit","threshold":0.5}],'
        b'"schema":"policy/1"}'
    )

    def test_is_that_of_the_canonical_document(self) -> None:
        assert policy(RULE).sha256 == hashlib.sha256(self.CANONICAL).hexdigest()

    def test_the_specification_shows_the_same_document_and_digest(self) -> None:
        page = (Path(__file__).parents[2] / "spec" / "policy.md").read_text()
        shown = page.split("```toml\n")[1].split("```")[0]
        assert read_policy(shown.encode(), "policy.md") == policy(RULE)
        assert self.CANONICAL.decode() in page
        assert f"`{policy(RULE).sha256}`" in page

    def test_ignores_comments_and_spelling(self) -> None:
        spelled = "# why\n" + VALID.replace("0.5", "0.50")
        assert read_policy(spelled.encode(), "p.toml").sha256 == policy(RULE).sha256

    def test_whole_numbers_are_one_number(self) -> None:
        assert policy(Rule("r", "n", 1, "blur")).sha256 == policy(Rule("r", "n", 1.0, "blur")).sha256

    @pytest.mark.parametrize(
        "other",
        [
            Rule("other", "nsfw", 0.5, "withhold"),
            Rule("explicit", "gore", 0.5, "withhold"),
            Rule("explicit", "nsfw", 0.6, "withhold"),
            Rule("explicit", "nsfw", 0.5, "review"),
            Rule("explicit", "nsfw", 0.5, "withhold", "d/1"),
        ],
    )
    def test_changes_with_every_field(self, other: Rule) -> None:
        assert policy(other).sha256 != policy(RULE).sha256


def test_the_default_withholds_from_one_half() -> None:
    default = default_policy()
    assert default.judge([nsfw(0.5)]).action == "withhold"
    assert default.judge([nsfw(0.49)]).action == "allow"
    assert default.judge([]).action == "withhold"


def test_the_schema_that_ships_is_the_one_in_the_specification() -> None:
    root = Path(__file__).parents[2]
    shipped = root / "safety" / "policy.schema.json"
    assert shipped.resolve() == (root / "spec" / "policy.schema.json").resolve()
