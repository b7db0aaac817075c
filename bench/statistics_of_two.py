"""Pairs of times, the two of a pair measured one right after the other: are the second ones longer? Wilcoxon's signed-rank test on the
logarithms of their ratios, one-sided, by the normal approximation with the correction for ties (Wilcoxon 1945; Lehmann, Nonparametrics,
3.1). Pairs, because other work on a machine slows both of them alike for as long as it lasts, which may be longer than a whole sample:
two samples as such would differ. From the standard library alone: Google Benchmark's compare.py tests two finished, not interleaved, runs,
and needs SciPy."""
import math
import statistics


def signed_rank_test(ratios):
    """Probability of signed ranks at least this much in favour of "above 1" if ratios and their inverses were equally likely."""
    logs = [math.log(ratio) for ratio in ratios if ratio != 1]
    n = len(logs)
    logs.sort(key=abs)
    positive, ties, i = 0.0, 0.0, 0
    while i < n:
        j = i
        while j < n and abs(logs[j]) == abs(logs[i]):
            j += 1
        rank = (i + 1 + j) / 2  # equal values share their mean rank
        positive += rank * sum(log > 0 for log in logs[i:j])
        ties += (j - i) ** 3 - (j - i)
        i = j
    variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
    if variance <= 0:
        return 1.0
    z = (positive - n * (n + 1) / 4 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def ratios_of(pairs):
    return [second / first for first, second in pairs]


def slowdown(pairs):
    """Median of the ratios."""
    return statistics.median(ratios_of(pairs))


def is_slower(samples, threshold, significance):
    """`samples`: a list of pairs for each pair of processes. Both: slower by more than the threshold (0.05 = 5%) in the median process,
    and not by chance."""
    pooled = [ratio for pairs in samples for ratio in ratios_of(pairs)]
    return statistics.median(slowdown(pairs) for pairs in samples) > 1 + threshold and signed_rank_test(pooled) < significance
