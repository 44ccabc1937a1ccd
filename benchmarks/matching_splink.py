"""Splink on given pairs: ``python matching_splink.py < job.json > scores.json``, in an environment that has Splink.

The job holds two sets of records with the pairs to judge, ``train`` with truth and ``test``; the answer has Splink's
match weight of each pair of both. Splink is set up as its documentation advises: ``u`` from random pairs, ``m`` from
labels, term frequencies for names and areas, its own comparisons of dates. It gets the same normalised columns that
healthid compares, Bangla names made comparable included.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import duckdb
import pandas
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

NAMED = ("name", "father", "mother")
logging.getLogger("splink").setLevel(logging.ERROR)


def named(column: str) -> cl.CustomComparison:
    """A name with all its forms, and its key across scripts."""
    forms, key = f"{column}_forms", f"{column}_key"
    return cl.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            cll.NullLevel(key),
            cll.CustomLevel(f'len(list_intersect("{forms}_l", "{forms}_r")) > 0', "same form"),
            cll.ExactMatchLevel(key).configure(tf_adjustment_column=key),
            cll.PairwiseStringDistanceFunctionLevel(forms, "jaro_winkler", 0.92),
            cll.PairwiseStringDistanceFunctionLevel(forms, "jaro_winkler", 0.8),
            cll.ElseLevel(),
        ],
    )


def comparisons(columns: set[str]) -> list[Any]:
    """Of the columns that the data have."""
    chosen: list[Any] = [named(column) for column in NAMED if f"{column}_key" in columns]
    chosen.append(cl.DateOfBirthComparison("dob", input_is_string=True))
    chosen.append(cl.CustomComparison(
        output_column_name="area",
        comparison_levels=[
            cll.NullLevel("area"),
            cll.ExactMatchLevel("area").configure(tf_adjustment_column="area"),
            cll.DamerauLevenshteinLevel("area", 1),
            cll.CustomLevel('"district_l" = "district_r"', "same district"),
            cll.ElseLevel(),
        ],
    ))  # fmt: skip
    chosen.append(cl.JaroWinklerAtThresholds("place", [0.95, 0.88, 0.75]))
    if "gender" in columns:
        chosen.append(cl.ExactMatch("gender"))
    if "phone" in columns:
        chosen.append(cl.DamerauLevenshteinAtThresholds("phone", [1]))
    return chosen


def linker_of(part: dict[str, Any], settings: Any) -> Linker:
    """Both sides registered with a database of their own."""
    connection = duckdb.connect()
    connection.execute("SET lambda_syntax='ENABLE_SINGLE_ARROW'")  # as Splink writes it
    api = DuckDBAPI(connection)
    sides = [api.register(pandas.DataFrame(part[side])) for side in ("left", "right")]
    return Linker(sides, settings, log_level=logging.ERROR)


def weights_of(part: dict[str, Any], linker: Linker) -> list[float]:
    """The match weight of each pair, in order."""
    found = linker.inference.predict().as_pandas_dataframe()
    scored = {}
    for left, right, weight in zip(found["unique_id_l"], found["unique_id_r"], found["match_weight"], strict=True):
        scored[tuple(sorted((left, right)))] = float(weight)
    return [scored[tuple(sorted((f"a{i}", f"b{j}")))] for i, j in part["pairs"]]


def counted(model: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """The same levels with ``m`` and ``u`` of the very pairs that healthid is trained on, instead of random ones."""
    told = json.loads(json.dumps({**model, "retain_intermediate_calculation_columns": True}))
    found = linker_of(part, told).inference.predict().as_pandas_dataframe()
    truth = {tuple(sorted((f"a{i}", f"b{j}"))): same for (i, j), same in zip(part["pairs"], part["truth"], strict=True)}
    same = pandas.Series(
        [truth[tuple(sorted(pair))] for pair in zip(found["unique_id_l"], found["unique_id_r"], strict=True)]
    )
    for comparison in told["comparisons"]:
        seen = found[f"gamma_{comparison['output_column_name']}"]
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        for value, level in zip(range(len(levels) - 1, -1, -1), levels, strict=True):
            level.pop("tf_adjustment_column", None)  # it would put the share of all people in place of u
            for name, side in (("m_probability", same), ("u_probability", ~same)):
                said = seen[side & (seen >= 0)]
                level[name] = float(((said == value).sum() + 0.5) / (len(said) + 0.5 * len(levels)))
    told["probability_two_random_records_match"] = float(same.mean())
    return {**told, "retain_intermediate_calculation_columns": False}


def main() -> None:
    """Train on one, judge both."""
    job = json.load(sys.stdin)
    columns = set(job["train"]["left"][0])
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=comparisons(columns),
        blocking_rules_to_generate_predictions=[block_on("pairs", arrays_to_explode=["pairs"])],
        retain_intermediate_calculation_columns=False,
    )
    trainer = linker_of(job["train"], settings)
    trainer.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=7)
    trainer.training.estimate_m_from_label_column("cluster")
    models = {"labels": trainer.misc.save_model_to_json()}
    models["pairs"] = counted(models["labels"], job["train"])
    json.dump(
        {
            how: {name: weights_of(job[name], linker_of(job[name], model)) for name in ("train", "test")}
            for how, model in models.items()
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
