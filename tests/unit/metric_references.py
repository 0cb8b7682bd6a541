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


#: probe_accuracy is checked by the splits that it makes, in its own tests.
REFERENCES = {
    "weat": weat,
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
    "direct_bias": direct_bias,
    "projections": projections,
    "cluster_alignment": cluster_alignment,
    "knn_recovery": knn_recovery,
}
