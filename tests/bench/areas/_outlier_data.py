"""Tables with planted outliers, and how well scores rank them."""


def planted(n, p):
    """Return a maker of normal rows, of which one in a hundred is spread widely."""

    def make(rng):
        X = rng.normal(size=(n, p))
        count = n // 100
        X[:count] = rng.uniform(-4, 4, size=(count, p))
        return X, count

    return make


def auc(data, scores):
    """Return the area under the curve; high scores are outliers."""
    from sklearn.metrics import roc_auc_score

    X, count = data
    truth = [1] * count + [0] * (len(X) - count)
    return roc_auc_score(truth, scores)
