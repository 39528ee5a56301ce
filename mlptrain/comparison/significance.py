"""Whether two models differ by more than chance."""


def mcnemar(lost: int, gained: int) -> float:
    """The p-value of McNemar's exact test (1947): with two equally good models, how likely are
    `lost` predictions that only the first has right and `gained` that only the second has right, or
    counts further apart? Two-sided binomial with probability 1/2; 1 if the counts are equal."""
    if lost == gained:
        return 1.0
    examples = lost + gained
    term = tail = 1  # binomial coefficients, and their sum
    for index in range(min(lost, gained)):
        term = term * (examples - index) // (index + 1)
        tail += term
    return 2 * tail / (1 << examples)
