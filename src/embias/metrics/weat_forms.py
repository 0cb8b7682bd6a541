"""SEAT and iEAT: the same figures as WEAT, asked for by the names of their papers."""

from __future__ import annotations

from dataclasses import replace

from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard
from embias.metrics.weat import CARD as WEAT

__all__ = ["IEAT", "SEAT"]

_CAVEATS = WEAT.caveats.partition(" With 8 + 8")[0]

SEAT = replace(
    WEAT,
    name="seat",
    measures=(
        "Whether two sets of targets differ in how close they are to two sets of attributes, "
        "each word in sentences that say little (This is ...). WEAT on a test with templates or "
        "sentences."
    ),
    formula=f"that of weat over sentences: {WEAT.formula}",
    pvalue=(
        "permutation of target words, each averaged over its sentences, one-sided unless asked "
        "otherwise; unit='item' relabels sentences, as published"
    ),
    caveats=(
        f"{_CAVEATS} d is over sentences, as published; over words it is mostly larger, and "
        "given beside it. Pooling alone can change the verdict."
    ),
    paper="May, Wang, Bordia, Bowman & Rudinger 2019, NAACL, 622-628",
    conventions=(
        "The published code (sent-bias) relabels sentences as if those of one word were "
        "independent, which makes p far too small; ours relabels words unless told otherwise."
    ),
    edge_cases=EdgeCases(
        missing=(
            "an audit drops a word of which no sentence has a vector, and counts it; a set that "
            "keeps fewer than 80% of its words (min_coverage), or fewer than two targets, is an "
            "error of the row"
        ),
        unequal=(
            "any sizes; in D and d every sentence weighs the same, so that a word in more "
            "sentences weighs more; where words are relabelled, each weighs the same"
        ),
        one_word=(
            "one target word on each side is refused (unit='item' computes it on arrays); one "
            "against several, or one attribute a side, is computed on arrays, and an audit asks "
            "for two targets in each set"
        ),
        duplicates=(
            "sentences are not compared, so one given twice counts twice; a word set drops a word "
            "that it lists again, with a warning"
        ),
        two_sets=(
            "in X and Y it is refused where weat is told the words of the sentences, in A and B it "
            "counts in both (an audit refuses both); as target and attribute each of its sentences "
            "has a cosine of 1 with itself, which an audit notes"
        ),
    ),
    takes="sentences",
    function="weat",
)

IEAT = MetricCard(
    name="ieat",
    measures=(
        "Whether two sets of pictures differ in how close they are to two sets of attributes "
        "(pictures, or texts of the same space). WEAT on a test with pictures."
    ),
    formula=f"that of weat over pictures: {WEAT.formula}",
    value_range=WEAT.value_range,
    no_bias=WEAT.no_bias,
    direction=WEAT.direction,
    pvalue=(
        "permutation of target pictures, one-sided (X more with A) unless asked otherwise; "
        "exact, or certified, or sampled"
    ),
    caveats=(
        f"{_CAVEATS} Pictures of one set share more than their topic (background, style, source), "
        "and the figure cannot say which of it counts. Pictures of one person or thing are not "
        "independent: weat relabels such words as one, where a test says which belong together."
    ),
    paper="Steed & Caliskan 2021, FAccT, 701-713",
    conventions=(
        "The released code counts all relabellings for up to 10,000 of them (7 + 7 pictures) and "
        "draws them beyond; ours stays exact much longer. Its d is ours (ddof 1)."
    ),
    edge_cases=EdgeCases(
        missing=(
            "pictures have no vocabulary: an audit drops and counts those whose vector is zero or "
            "not finite, and texts without one; a file that cannot be read is an error that names "
            "it"
        ),
        unequal="any sizes; every picture of a set weighs the same",
        one_word=(
            "one target picture on each side is refused; one against several, or one attribute a "
            "side, is computed on arrays, and an audit asks for two targets a side"
        ),
        duplicates=(
            "a picture (by content) that a set is given twice is kept once, with a warning, and "
            "in a TOML file refused; equal vectors of different pictures count twice"
        ),
        two_sets=(
            "the same picture (by content) in both targets, or both attributes, is refused when "
            "the test is made; as target and attribute it has a cosine of 1 with itself, which an "
            "audit notes"
        ),
    ),
    takes="pictures",
    evidence=OF_AN_ASSOCIATION,
    function="weat",
)
