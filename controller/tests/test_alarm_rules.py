"""The rules of the alarms: each is whole, a town changes single keys, and a wrong key is told in one sentence.

Never opens an alarm.
Specification: controller/alarm_rules.toml.
"""

from pathlib import Path

import pytest

from controller.config import ConfigError
from controller.services.alarms_rules import load_rules
from controller.services.alarms_told import TOLD


def test_every_cause_ends_later_than_its_victims_may_need() -> None:
    rules = load_rules()
    causes = {kind for rule in rules.values() for kind in rule.explained_by if rules[kind].settle_s}
    assert causes == {"broker", "bus", "uplink", "network", "place"}
    assert all(rules[kind].harm > rules["offline"].harm for kind in causes)


def test_what_only_a_node_can_tell_is_proven_by_its_records_alone() -> None:
    rules = load_rules()
    assert {kind for kind in TOLD if {"measure", "ledger"} & set(rules[kind].proof)} == set()


def test_a_town_changes_single_keys(tmp_path: Path) -> None:
    own = tmp_path / "rules.toml"
    own.write_text('[offline]\nopen_s = 30\nexplained_by = ["broker"]\n', encoding="utf-8")
    ours, theirs = load_rules(str(own)), load_rules()
    assert (ours["offline"].open_s, ours["offline"].explained_by) == (30, ("broker",))
    assert ours["offline"].harm == theirs["offline"].harm
    assert {kind for kind in ours if ours[kind] != theirs[kind]} == {"offline"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[sadness]\nharm = 1", r"has \[sadness\]: write one of storing, broker"),
        ("[offline]\nmood = 1", "offline.mood is unknown: use one of severity"),
        ('[offline]\nopen_s = "soon"', "offline.open_s cannot be 'soon'"),
        ("[offline]\nopen_s = true", "offline.open_s cannot be True"),
        ('[offline]\nseverity = "sad"', "offline.severity must be bad or warn"),
        ('[offline]\nexplained_by = ["weather"]', "names no kind of alarm: weather"),
        ('[offline]\nproof = ["hope"]', "names nothing that proves: hope"),
        ("[offline", "is not TOML"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    own = tmp_path / "rules.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        load_rules(str(own))


def test_a_file_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(str(tmp_path / "nothing.toml"))
