"""The review queue: one row a picture, what matters most first, nothing twice."""

from typing import Any

import pandas as pd

from fieldguide.screening.review_queue import COLUMNS, review_queue
from screened import screened


def table(**pictures: dict[str, Any]) -> pd.DataFrame:
    """Good pictures, but for what is said."""
    return pd.DataFrame([screened(name, **{"label": "cat", **differs}) for name, differs in pictures.items()])


def doubt(quality: float, certain: bool = True) -> dict[str, Any]:
    return {
        "label_quality": quality,
        "label_surprise": 1 - quality,
        "suggested_label": "dog",
        "label_doubt": certain,
    }


def alarm(p_value: float) -> dict[str, Any]:
    return {"p_value": p_value, "out_of_domain": True, "reason": "much darker than any"}


def twin(other: str, similarity: float = 0.97, **differs: Any) -> dict[str, Any]:
    return {"near_duplicate_of": other, "near_duplicate_similarity": similarity, **differs}


def queued(found: pd.DataFrame) -> list[str]:
    return list(found["id"])


def test_good_pictures_are_not_queued() -> None:
    empty = review_queue(table(a={}, b={}), [])
    assert list(empty.columns) == COLUMNS
    assert empty.empty


def test_the_order_is_by_kind_and_within_a_kind_by_how_bad_it_is() -> None:
    found = review_queue(
        table(
            dark={"is_dark_issue": True, "dark_score": 0.3},
            black={"is_dark_issue": True, "dark_score": 0.0},
            copy=twin("good"),
            good=twin("copy", label_quality=0.95),
            weak1=doubt(0.3, certain=False),
            weak2=doubt(0.4, certain=False),
            both2={**doubt(0.45, certain=False), **alarm(0.04)},
            both1={**doubt(0.42, certain=False), **alarm(0.05)},
            sure={**doubt(0.15), **alarm(0.03)},
            strange=alarm(0.01),
            stranger=alarm(0.001),
            strangest=alarm(0.0001),
            doubt2=doubt(0.2),
            doubt1=doubt(0.1),
            dog={**twin("wrong"), "label": "dog"},
            wrong=twin("dog", label_quality=0.5),
        ),
        [],
    )
    assert queued(found) == [
        *("wrong", "doubt1", "sure", "doubt2"),
        *("both1", "weak1", "strangest"),
        *("both2", "weak2", "stranger", "strange"),
        *("copy", "black", "dark"),
    ]
    assert found["score"].between(0, 1).all()


def test_a_row_says_why_and_what_to_do() -> None:
    found = review_queue(
        table(
            a={**doubt(0.1), **alarm(0.02), "is_dark_issue": True, "dark_score": 0.25, "is_blurry_issue": True},
            b=alarm(0.03),
            c={**twin("d"), "label_quality": 0.2},
            d={**twin("c"), "label": "dog"},
            e=twin("f", 0.99),
            f=twin("e", 0.99),
        ),
        [],
    )
    assert found.to_dict("split")["data"] == [
        ["c", "data/raw/cat/own c.jpg", "looks like data/raw/dog/own d.jpg with another label", 0.97, "relabel dog"],
        [
            *(
                "a",
                "data/raw/cat/own a.jpg",
                "its label is in doubt; out of domain: much darker than any; dark, blurry",
            ),
            *(0.9, "drop"),
        ],
        ["b", "data/raw/cat/own b.jpg", "out of domain: much darker than any", 0.97, "drop"],
        ["e", "data/raw/cat/own e.jpg", "looks like data/raw/cat/own f.jpg", 0.99, "keep"],
    ]


def test_no_label_is_suggested_for_what_is_out_of_domain_and_no_look_alike_is_to_be_dropped_for_that() -> None:
    found = review_queue(
        table(
            strange={**doubt(0.1), **alarm(0.001)},
            copied={**twin("dog"), **alarm(0.01), "label_quality": 0.2},
            dog={**twin("copied"), "label": "dog"},
            doubtful=doubt(0.2),
            alike=twin("other"),
            other=twin("alike", label_quality=0.95),
            poor={**twin("clear"), "label_quality": 0.8, "is_dark_issue": True, "dark_score": 0.1},
            clear=twin("poor", label_quality=0.95),
        ),
        [],
    )
    assert dict(zip(found["id"], found["suggestion"], strict=True)) == {
        "strange": "drop",
        "copied": "drop",
        "doubtful": "relabel dog",
        "alike": "keep",
        "poor": "drop",
    }
    strange = found.set_index("id").loc[["strange", "copied"], "why"]
    assert not strange.str.contains("may be").any()


def test_what_was_reviewed_is_not_queued_again_but_its_look_alike_is() -> None:
    pictures = table(
        a=doubt(0.1),
        b=alarm(0.01),
        c={**twin("d"), "label_quality": 0.2},
        d={**twin("c"), "label": "dog", "label_quality": 0.8},
    )
    assert queued(review_queue(pictures, [])) == ["c", "a", "b"]
    assert queued(review_queue(pictures, ["a", "c"])) == ["d", "b"]
    assert queued(review_queue(pictures, ["a", "b", "c", "d"])) == []


def test_pictures_in_a_chain_of_look_alikes_are_each_listed_once() -> None:
    found = review_queue(table(a=twin("b"), b=twin("a", label_quality=0.95), c=twin("b", 0.96)), [])
    assert sorted(queued(found)) == ["a", "c"]


def test_the_order_of_the_table_does_not_matter() -> None:
    pictures = table(a=doubt(0.1), b=doubt(0.1), c=alarm(0.01), d=alarm(0.01), e=twin("f"), f=twin("e"))
    shuffled = pictures.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(review_queue(pictures, []), review_queue(shuffled, []))
