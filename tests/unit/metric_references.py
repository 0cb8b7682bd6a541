"""The metrics of association tests, written out as loops over words from the papers' formulas."""

import itertools
import math

import numpy as np
from metric_samples import cosine, score_by_definition, unit
from scipy import optimize


def mean(values):
    values = list(values)
    return math.fsum(values) / len(values)


def pearson(u, v):
    mean_u, mean_v = mean(u), mean(v)
    up = math.fsum((p - mean_u) * (q - mean_v) for p, q in zip(u, v, strict=True))
    down = math.fsum((p - mean_u) ** 2 for p in u) * math.fsum((q - mean_v) ** 2 for q in v)
    return up / math.sqrt(down)


def ranks(values):
    """Average ranks, ties within rounding."""
    return [
        sum(w < v - 1e-12 for w in values) + (sum(abs(w - v) <= 1e-12 for w in values) + 1) / 2
        for v in values
    ]


def centre(rows):
    """The mean of the rows at unit length."""
    return [mean(column) for column in zip(*unit(rows), strict=True)]


def dot(v, w):
    return math.fsum(p * q for p, q in zip(v, w, strict=True))


def minus(v, w):
    return [p - q for p, q in zip(v, w, strict=True)]


def nearness(w, a, b):
    return mean(cosine(w, v) for v in a) - mean(cosine(w, v) for v in b)


def weat(x, y, a, b):
    of_x, of_y = ([nearness(w, a, b) for w in side] for side in (x, y))
    total = of_x + of_y
    spread = math.sqrt(math.fsum((s - mean(total)) ** 2 for s in total) / (len(total) - 1))
    difference = mean(of_x) - mean(of_y)
    return {"value": difference, "effect_size": difference / spread}


def _flat(*sets):
    """All sentences (or pictures) of the words of each set."""
    return [[v for word in words for v in word] for words in sets]


def seat(x, y, a, b):
    """Words are lists of the vectors of their sentences."""
    flat = _flat(x, y, a, b)
    scores = [[mean(nearness(v, *flat[2:]) for v in word) for word in side] for side in (x, y)]
    return {**weat(*flat), "over words": _standardised(*scores)}


def ieat(x, y, a, b):
    """Words are lists of the vectors of their pictures, each of which is relabelled."""
    found = weat(*_flat(x, y, a, b))
    return {**found, "over words": found["effect_size"]}


def _standardised(of_x, of_y):
    total = of_x + of_y
    spread = math.sqrt(math.fsum((s - mean(total)) ** 2 for s in total) / (len(total) - 1))
    return (mean(of_x) - mean(of_y)) / spread


def ceat(x, y, a, b):
    """The figures over words, which do not depend on what is drawn: s is a mean over contexts."""

    def near(word):
        towards, away = (
            mean(mean(cosine(v, w) for w in attribute for v in word) for attribute in side)
            for side in (a, b)
        )
        return towards - away

    scores = [[near(word) for word in side] for side in (x, y)]
    return {
        "D over words": mean(scores[0]) - mean(scores[1]),
        "d over words": _standardised(*scores),
    }


def generalized_weat(x, y, a, b):
    # mu and alpha are means of the two means.
    means = [centre(rows) for rows in (x, y, a, b)]
    mu, alpha = ([(p + q) / 2 for p, q in zip(*two, strict=True)] for two in (means[:2], means[2:]))
    terms = [dot(minus(t, mu), minus(s, alpha)) for t, s in zip(means[:2], means[2:], strict=True)]
    return {"value": sum(terms), "group_1": terms[0], "group_2": terms[1]}


def sc_weat(x, y, a, b):
    of_x, of_y = ([score_by_definition(w, a, b) for w in side] for side in (x, y))
    return {"value": mean(of_x + of_y), "x_minus_y": mean(of_x) - mean(of_y)}


def wefat(x, y, a, b):
    scores = [score_by_definition(w, a, b) for w in [*x, *y]]
    sides = [1.0] * len(x) + [0.0] * len(y)
    return {"value": pearson(scores, sides), "spearman": pearson(ranks(scores), ranks(sides))}


def _along(x, y, axis):
    of_x, of_y = ([cosine(w, axis) for w in side] for side in (x, y))
    return {"value": mean(of_x + of_y), "x_minus_y": mean(of_x) - mean(of_y)}


def same(x, y, a, b):
    return _along(x, y, minus(centre(a), centre(b)))


def semaxis(x, y, a, b):
    # The poles are means of vectors as they are.
    poles = [[mean(column) for column in zip(*rows, strict=True)] for rows in (a, b)]
    return _along(x, y, minus(*poles))


def rnd(x, y, a, b):
    first, second = centre(x), centre(y)
    of_a, of_b = (
        [math.dist(w, first) - math.dist(w, second) for w in unit(side)] for side in (a, b)
    )
    return {"value": mean(of_a + of_b), "a_minus_b": mean(of_b) - mean(of_a)}


def rnsb(x, y, a, b):
    rows, sign = unit([*a, *b]), np.array([-1.0] * len(a) + [1.0] * len(b))

    def loss(parameters):
        margins = sign * (rows @ parameters[:-1] + parameters[-1])
        pull = -sign / (1 + np.exp(margins))
        gradient = np.append(rows.T @ pull + parameters[:-1], pull.sum())
        return parameters[:-1] @ parameters[:-1] / 2 + np.logaddexp(0, -margins).sum(), gradient

    start = np.zeros(rows.shape[1] + 1)
    found = optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}).x
    p = [1 / (1 + math.exp(-dot(w, found[:-1]) - found[-1])) for w in unit([*x, *y])]
    shares = [each / sum(p) for each in p]
    return {
        "value": sum(q * math.log(len(p) * q) for q in shares),
        "mean_negative_x": mean(p[: len(x)]),
    }


def mac(x, y, a, b):
    sets = [mean(1 - cosine(t, w) for t in [*x, *y] for w in side) for side in (a, b)]
    return {"value": mean(sets), "set 1": sets[0], "set 2": sets[1]}


def ect(x, y, a, b):
    near = [[cosine(w, centre(side)) for w in [*a, *b]] for side in (x, y)]
    return {"value": pearson(ranks(near[0]), ranks(near[1]))}


def ripa(x, y, a, b, pairs):
    differences = np.array([minus(x[i], y[j]) for i, j in pairs])
    # The strongest direction of the differences, by repeated multiplication with their products.
    axis = differences.sum(axis=0) + 1e-3
    for _ in range(20_000):
        axis = differences.T @ (differences @ axis)
        axis = axis / np.linalg.norm(axis)
    if sum(dot(each, axis) for each in differences) < 0:
        axis = -axis
    of_a, of_b = ([dot(w, axis) for w in side] for side in (a, b))
    return {"value": mean(of_a + of_b), "a_minus_b": mean(of_a) - mean(of_b)}


def _analogies(x, y, a, b):
    won = []
    for t, u in itertools.product(unit(x), unit(y)):
        for i, j in itertools.product(range(len(a)), range(len(b))):
            for query, own, others, skip in (
                (t - u + unit(b)[j], unit(a)[i], unit(b), j),
                (unit(a)[i] - t + u, unit(b)[j], unit(a), i),
            ):
                for k, other in enumerate(others):
                    if k != skip:
                        gap = dot(other - query, other - query) - dot(own - query, own - query)
                        won.append(0.5 if abs(gap) < 1e-10 else float(gap > 0))
    return mean(won)


def bias_analogy_test(x, y, a, b):
    there, back = _analogies(x, y, a, b), _analogies(y, x, a, b)
    return {"value": there, "swapped": back, "difference": there - back}


def direct_bias(x, y, a, b):
    axis = minus(centre(x), centre(y))
    return {"value": mean(abs(cosine(w, axis)) for w in [*a, *b])}


def projections(x, y, a, b):
    found = _along(a, b, minus(centre(x), centre(y)))
    return {"value": found["value"], "difference": found["x_minus_y"]}


def cluster_alignment(x, y, a, b):
    rows = unit([*x, *y])
    least, best = math.inf, ()
    # Every division into two clusters, the first word in the first one.
    for others in itertools.product((0, 1), repeat=len(rows) - 1):
        cluster = np.array((0, *others))
        if cluster.any():
            inertia = sum(
                ((rows[cluster == c] - rows[cluster == c].mean(axis=0)) ** 2).sum() for c in (0, 1)
            )
            if inertia < least:
                least, best = inertia, cluster
    right = mean((c == 0) == (i < len(x)) for i, c in enumerate(best))
    return {"value": max(right, 1 - right)}


def knn_recovery(x, y, a, b):
    rows, labels = [*x, *y], [0] * len(x) + [1] * len(y)
    recovered, own = [], []
    for i, row in enumerate(rows):
        others = sorted(
            (-round(cosine(row, other), 12), j) for j, other in enumerate(rows) if j != i
        )
        agreeing = sum(labels[j] == labels[i] for _, j in others[:5])
        recovered.append(float(agreeing > 2))
        own.append(agreeing / 5)
    return {"value": mean(recovered), "purity": mean(own)}


def bias_direction(x, y, a, b):
    """Without pairs: the difference of the means, and again without each word."""
    axis = minus(centre(x), centre(y))
    found = []
    for left_out, kept, turned in ((x, y, False), (y, x, True)):
        for i in range(len(left_out)) if len(left_out) > 1 else ():
            rest = [v for j, v in enumerate(left_out) if j != i]
            other = minus(centre(rest), centre(kept))
            found.append(abs(cosine(minus([0.0] * len(other), other) if turned else other, axis)))
    found.sort()
    middle = len(found) // 2
    median = found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2
    return {"value": median, "least": found[0]}


def isotropy(x, y, a, b):
    """Isoscore by the trace and the squares of the covariance; the mean of all cosines."""
    rows = np.array([*x, *y, *a, *b], dtype=float)
    n, d = rows.shape
    centred = rows - rows.mean(axis=0)
    covariance = sum(np.outer(v, v) for v in centred) / (n - 1)
    spectrum = np.linalg.eigvalsh(covariance)
    spectrum = math.sqrt(d) * spectrum / np.linalg.norm(spectrum)
    delta = math.sqrt(math.fsum((spectrum - 1) ** 2) / (2 * (d - math.sqrt(d))))
    score = ((d - delta**2 * (d - math.sqrt(d))) ** 2 - d) / (d * (d - 1))
    pairs = itertools.combinations(unit(rows), 2)
    return {"value": score, "mean_cosine": mean(float(v @ w) for v, w in pairs)}


def hubness(x, y, a, b):
    rows = unit([*x, *y, *a, *b])
    times = [0] * len(rows)
    for i, row in enumerate(rows):
        near = sorted((-round(dot(row, v), 12), j) for j, v in enumerate(rows) if j != i)
        for _, j in near[:10]:
            times[j] += 1
    spread = math.sqrt(mean((t - 10) ** 2 for t in times))
    return {
        "value": mean((t - 10) ** 3 for t in times) / spread**3,
        "largest": max(times),
        "anti_hubs": mean(t == 0 for t in times),
    }


def intrinsic_dimension(x, y, a, b):
    """TwoNN: rows that coincide merged, the largest tenth of the ratios left out."""
    rows = list(dict.fromkeys(tuple(map(float, v)) for v in [*x, *y, *a, *b]))
    logs = []
    for i, row in enumerate(rows):
        near = sorted(math.dist(row, v) for j, v in enumerate(rows) if j != i)
        logs.append(math.log(near[1] / near[0]))
    logs.sort()
    n = len(logs)
    points = [(log, -math.log(1 - (i + 1) / n)) for i, log in enumerate(logs[: int(0.9 * n)])]
    slope = math.fsum(u * v for u, v in points) / math.fsum(u * u for u, _ in points)
    return {"value": slope, "likelihood": (n - 1) / math.fsum(logs)}


#: probe_accuracy is checked by the splits that it makes, in its own tests. seat, ieat and ceat take
#: sets of words that are lists of vectors.
REFERENCES = {
    "weat": weat,
    "seat": seat,
    "ieat": ieat,
    "ceat": ceat,
    "generalized_weat": generalized_weat,
    "sc_weat": sc_weat,
    "nas": sc_weat,
    "wefat": wefat,
    "same": same,
    "semaxis": semaxis,
    "rnd": rnd,
    "rnsb": rnsb,
    "mac": mac,
    "ect": ect,
    "ripa": ripa,
    "bias_analogy_test": bias_analogy_test,
    "bias_direction": bias_direction,
    "direct_bias": direct_bias,
    "projections": projections,
    "cluster_alignment": cluster_alignment,
    "knn_recovery": knn_recovery,
    "intrinsic_dimension": intrinsic_dimension,
    "isotropy": isotropy,
    "hubness": hubness,
}
