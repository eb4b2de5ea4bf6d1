"""What `add` proposes for params.yaml, by which every label is on every side; what look-alikes cost, in words."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from conftest import PARAMS, noise, put
from fieldguide.base.config import CleanConfig, SplitConfig
from fieldguide.base.paths import Paths
from fieldguide.base.yaml_files import set_comment
from fieldguide.data.add_params import chosen_params, proposal_in_words, settings_now
from fieldguide.data.cleaning_cache import cache_folder
from fieldguide.data.kept_pictures import kept_pictures
from fieldguide.data.look_alike_cost import cost_in_words, left_out_by_other_keys
from fieldguide.data.sources.folder import FolderData
from fieldguide.data.split_proposal import SplitProposal, propose_split
from fieldguide.data.split_search import least_on_a_side
from fieldguide.data.split_shortage import shortage
from fieldguide.data.splits import split_pictures

ASKED = SplitConfig(valid=0.13, test=0.24, min_per_label=5)


def pictures(counts: dict[str, int], group: int = 1, key: str | None = None, of: int = 1) -> pd.DataFrame:
    """So many pictures of each label in groups that look alike, of which `of` labels share one key."""
    rows = []
    for place, (label, count) in enumerate(counts.items()):
        for number in range(count):
            scene = Random(f"{place // of} {number // group}").getrandbits(256)
            identity = f"{Random(f'{label} {number}').getrandbits(64):016x}"
            bit = Random(f"{label} {number} bit").randrange(256)
            rows.append((identity, label, f"{place // of} {number // group}", f"{scene ^ 1 << bit:064x}"))
    table = pd.DataFrame(rows, columns=["id", "label", key or "group_of_the_test", "perceptual_hash"])
    return table.assign(**{name: None for name in ("site", "time", "sequence", "given_split") if name != key})


@pytest.mark.parametrize("counts", [list(range(10, 22)), [95, 12, 10]])
@pytest.mark.slow
def test_every_set_with_ten_pictures_of_each_label_is_divided(counts: list[int]) -> None:
    kept = pictures({f"label {place}": count for place, count in enumerate(counts)})
    proposal = propose_split(kept, ASKED)
    assert proposal.split.group_by == "look_alike"
    assert 1 <= proposal.split.min_per_label <= 5
    assert least_on_a_side(kept, proposal.split) >= proposal.split.min_per_label
    assert not shortage(kept, split_pictures(kept, proposal.split), proposal.split)


@pytest.mark.slow
def test_the_seed_of_params_stays_where_it_will_do_and_shares_where_a_seed_will() -> None:
    enough = pictures({"a": 90, "b": 80})
    assert propose_split(enough, ASKED).split == replace(ASKED, group_by="look_alike")
    forty = pictures({f"label {place}": 40 for place in range(10)})
    found = propose_split(forty, ASKED).split
    assert found.seed != 0 and replace(found, seed=0) == ASKED
    assert "every label has at least 5 pictures on every side" in propose_split(forty, ASKED).reason


@pytest.mark.slow
@pytest.mark.parametrize("cameras", [8, 10])
def test_fixed_cameras_are_divided_by_site_with_test_pictures(cameras: int) -> None:
    kept = pictures(dict.fromkeys(("deer", "fox", "boar"), 36 * cameras // 3), 12, "site", of=3)
    proposal = propose_split(kept, ASKED)
    counts = split_pictures(kept, proposal.split)["split"].value_counts()
    assert proposal.split.group_by == "site" and proposal.reason.startswith(f"{cameras} sites, each label in at least")
    assert min(counts["train"], counts["valid"], counts["test"]) >= 36 and "left_out" not in counts


@pytest.mark.slow
def test_few_labels_of_few_pictures_are_not_divided_behind_a_person_s_back(tmp_path: Path) -> None:
    kept = pictures({"a": 4, "b": 40})
    proposal = propose_split(kept, ASKED)
    assert proposal.split == ASKED
    put(tmp_path / "params.yaml", PARAMS.encode())
    told = proposal_in_words(Paths(tmp_path), kept, proposal)
    assert "\nwarning: too few pictures to split: a has 4 pictures (" in told and "or set split." in told


def test_the_advice_names_the_key_that_helps_and_what_is_missing() -> None:
    cameras = pictures(dict.fromkeys(("deer", "fox", "boar"), 120), 12, "site", of=3)
    by_look = replace(ASKED, seed=3)
    fault = shortage(cameras, split_pictures(cameras, by_look), by_look)
    assert "groups of look-alikes (" in fault and "or set split.group_by: site" in fault
    assert "add pictures unlike these (about" in fault
    one_site = pictures(dict.fromkeys(("deer", "fox"), 36), 36, "site", of=2)
    by_site = replace(ASKED, group_by="site")
    fault = shortage(one_site, split_pictures(one_site, by_site), by_site)
    assert "deer has 36 pictures in 1 site (" in fault and "add pictures of other sites (about" in fault


def test_what_look_alikes_cost_is_said_with_the_key_that_keeps_them() -> None:
    bursts = pictures({"deer": 150, "fox": 150}, 10, "sequence")
    table = split_pictures(bursts, ASKED)
    metrics = {**table["split"].value_counts(), **left_out_by_other_keys(bursts, table, ASKED)}
    assert metrics["left_out_by_sequence"] == 0
    assert cost_in_words(metrics).endswith("on another side: `split.group_by: sequence` would leave out 0 %")
    unknown = bursts.assign(sequence=None)
    metrics = {**table["split"].value_counts(), **left_out_by_other_keys(unknown, table, ASKED)}
    assert "where their sites or times are known" in cost_in_words(metrics)
    by_sequence = replace(ASKED, group_by="sequence")
    assert not cost_in_words(dict(split_pictures(bursts, by_sequence)["split"].value_counts()))


def test_the_reason_stands_beside_the_settings_and_goes_with_them(tmp_path: Path) -> None:
    put(tmp_path / "params.yaml", b"# mine\ndata: sample  # which\nsplit:\n  test: 0.24\n  seed: 0   # any\nseed: 1\n")
    paths = Paths(tmp_path)
    first = SplitProposal(replace(SplitConfig(), test=0.24, group_by="site", seed=12), "9 sites")
    text = chosen_params(paths, "cams", first)
    assert text == (
        "# mine\ndata: cams    # which\nsplit:\n  test: 0.24\n  seed: 12  # any\n"
        "  # fieldguide add: cams: 9 sites\n  group_by: site\nseed: 1\n"
    )
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert settings_now(paths)[1] == replace(SplitConfig(), test=0.24), "not the key and seed of the last data set"
    plain = SplitProposal(settings_now(paths)[1], "nothing is known")
    again = chosen_params(paths, "bears", plain)
    assert again.count("# fieldguide add: ") == 1 and "bears: nothing is known\n  group_by: look_alike" in again


@pytest.mark.parametrize(
    "text", ["a: {b: 1, c: 2}\n", "a:\r\n    b: 1\r\n    c: 2\r\n", "a:\n  b: 1\n  # by: old\n  c: 2"]
)
def test_a_comment_is_put_above_its_key_and_replaces_the_older_one(text: str) -> None:
    once = set_comment(text, ("a", "c"), "by", "new  words")
    assert "# by: new words" in once and "old" not in once
    assert set_comment(once, ("a", "c"), "by", "new words") == once
    assert "# by" not in set_comment(once, ("a", "c"), "by", "")
    with pytest.raises(ValueError, match=r"a\.d is missing"):
        set_comment(text, ("a", "d"), "by", "words")


def test_what_is_read_for_the_proposal_is_not_decoded_again(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path / "own" / "cat" / f"{number}.png", noise(number))
    put(tmp_path / "own" / "dog" / "broken.jpg", b"\xff\xd8\xff no picture")
    cache = tmp_path / "state" / "cleaned"
    wanted = FolderData("folder").survey(tmp_path / "own")
    kept = kept_pictures(wanted, tmp_path / "own", 5.0, CleanConfig(), cache)
    assert list(kept["label"]) == ["cat"] * 3 and kept["perceptual_hash"].notna().all()
    assert len([path for path in cache_folder(cache, CleanConfig()).rglob("*") if path.is_file()]) == 4
    assert [path.name for path in cache.parent.iterdir()] == ["cleaned"]
