"""docs/cost.md says what the counted units and the prices come to."""

import pytest

from bench.cost import ALARMS, DOCUMENT, PROJECT, Bill, Counted, document
from bench.prices import MILLION, PRICES
from bench.readme import sections, with_sections


def test_the_document_says_what_the_script_computes() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")

    assert written == document(), "run `python -m bench.cost --write`"
    assert f"as known on {PRICES.as_of}" in written


def test_the_units_of_a_message_are_those_of_its_steps() -> None:
    alone, ten = Counted().outbound(batched=False), Counted().outbound(batched=True)

    assert alone.writes == pytest.approx(Counted().row("capacity", "**the whole life").get("WCU", 0), abs=0.1)
    assert [alone.invocations, alone.queue_requests] == [4, 9]
    assert [ten.invocations, ten.queue_requests] == pytest.approx([1.3, 3.6])
    assert ten.gb_seconds < alone.gb_seconds
    assert ten.log_bytes < alone.log_bytes


def test_the_template_has_no_more_alarms_than_are_counted() -> None:
    template = (PROJECT / "infra" / "resources.yaml").read_text(encoding="utf-8")

    assert ALARMS - 20 < template.count("Type: AWS::CloudWatch::Alarm") <= ALARMS


def test_dollars_are_units_times_price() -> None:
    lines = Bill(writes=8, reads=8, log_bytes=1_000, gb_seconds=1 / MILLION).lines()

    assert lines["DynamoDB"] == 8 * 0.625 + 8 * 0.125
    assert lines["CloudWatch Logs, metrics in them"] == 0.5
    assert lines["Lambda"] == pytest.approx(PRICES.lambda_gb_second)


def test_a_section_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        with_sections("nothing", {"figures": "1"})


def test_a_section_is_replaced_and_the_rest_stays() -> None:
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"

    changed = with_sections(text, {"x": "| new |"})

    assert changed == text.replace("old", "| new |")
    assert sections(changed) == {"x": "| new |"}
