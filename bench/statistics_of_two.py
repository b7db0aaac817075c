"""Two samples of times: are those of the second larger? Mann and Whitney's rank test, one-sided, by the normal approximation with the
correction for ties (Mann & Whitney 1947; Lehmann, Nonparametrics, 1.2). From the standard library alone: Google Benchmark's compare.py
does the same test, but needs SciPy and two finished, not interleaved, runs."""
import math
import statistics


def rank_test(first, second):
    """Probability of ranks at least this much in favour of "second is larger" if both came from one distribution."""
    n, m = len(first), len(second)
    values = sorted([(v, 0) for v in first] + [(v, 1) for v in second])
    rank_sum, ties, i = 0.0, 0.0, 0
    while i < n + m:
        j = i
        while j < n + m and values[j][0] == values[i][0]:
            j += 1
        rank = (i + 1 + j) / 2  # equal values share their mean rank
        rank_sum += rank * sum(side for _, side in values[i:j])
        ties += (j - i) ** 3 - (j - i)
        i = j
    u = rank_sum - m * (m + 1) / 2
    variance = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    z = (u - n * m / 2 - 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def slowdown(first, second):
    """Ratio of medians."""
    return statistics.median(second) / statistics.median(first)


def is_slower(first, second, threshold, significance):
    """Both: larger by more than the threshold (0.05 = 5%), and not by chance."""
    return slowdown(first, second) > 1 + threshold and rank_test(first, second) < significance
