"""Flags that the samples themselves raise.

Each limit is a named constant with the tool it comes from. Limits on noise are held against the noisiest round, since
one bad round among nine is worth knowing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latency_bench.harness.statistics.comparison import rounds_needed
from latency_bench.harness.statistics.flags import Flag, FlagKind, OptionsInUse, raise_flag
from latency_bench.harness.statistics.intervals import check_rounds, quantile_interval
from latency_bench.harness.statistics.modality import find_two_modes
from latency_bench.harness.statistics.order_statistics import Floats, timer_tick
from latency_bench.harness.statistics.summary import SIGMA_PER_MAD, coefficient_of_variation

CV_LIMIT = 0.025
"""trtexec warns from here."""
IQR_LIMIT = 0.10
"""Interquartile range over the median; torch.utils.benchmark warns from here."""
OUTLIER_SIGMAS = 10
"""Robust standard deviations, 14.826 MAD together; hyperfine's limit (Iglewicz & Hoaglin, How to Detect and Handle
Outliers, 1993, for the estimate)."""
DRIFT_LIMIT = 0.02
"""Between the medians of the first and the last third of a round."""
DRIFT_P = 0.01
LEAST_THIRD = 8
"""Samples; shorter rounds are not tested for drift."""
ROUND_SPREAD_LIMIT = 0.01
"""Rounds that lie closer than this (CV of their medians) agree for every practical purpose."""
ROUND_SPREAD_P = 0.001
LEAST_EFFECTIVE = 20.0
"""Independent samples that a round has to be worth. Below, what drifts slowly inside a process cannot be told from a
difference between processes: 20 samples of noise that is correlated by 0.9 raised the flag in 17 of 100 runs."""


def sample_flags(
    samples_by_round: Sequence[Floats], options: OptionsInUse | None = None, *, tick: float | None = None
) -> list[Flag]:
    """All flags of one run's samples: one array a round, in the order taken, warm-up left out.

    `tick` is the timer's resolution in the unit of the samples. Raises ValueError on an empty round or a value that is
    not finite.
    """
    options = options or OptionsInUse(rounds=len(samples_by_round))
    rounds = check_rounds(samples_by_round)
    return [
        *_spread(rounds, options),
        *_outliers(rounds, options),
        *_slow_first(rounds, options),
        *_drift(rounds, options, tick),
        *_bimodal(rounds, options, tick),
        *_few_rounds(rounds, options),
        *_processes_disagree(rounds, options, tick),
    ]


def _place(index: int, rounds: list[Floats]) -> str:
    return f" in round {index + 1} of {len(rounds)}" if len(rounds) > 1 else ""


def _spread(rounds: list[Floats], options: OptionsInUse) -> list[Flag]:
    flags = []
    cvs = [coefficient_of_variation(samples) for samples in rounds]
    worst = int(np.argmax(cvs))
    if cvs[worst] > CV_LIMIT:
        text = f"CV {cvs[worst]:.1%}{_place(worst, rounds)} (limit {CV_LIMIT:.1%})"
        flags += raise_flag(FlagKind.HIGH_SPREAD, "warning", text, options)
    widths = [_iqr_over_median(samples) for samples in rounds]
    worst = int(np.argmax(widths))
    if widths[worst] > IQR_LIMIT:
        text = f"quartiles {widths[worst]:.0%} of the median apart{_place(worst, rounds)} (limit {IQR_LIMIT:.0%})"
        flags += raise_flag(FlagKind.WIDE_QUARTILES, "warning", text, options)
    return flags


def _iqr_over_median(samples: Floats) -> float:
    lower, middle, upper = np.quantile(samples, [0.25, 0.5, 0.75])
    return float((upper - lower) / middle) if middle else 0.0


def robust_limits(samples: Floats) -> tuple[float, float]:
    """Median minus and plus ten robust standard deviations.

    Where over half of the readings fell on one tick of the clock the MAD is 0 and every other tick would be an outlier:
    it counts as one tick at least.
    """
    median = float(np.median(samples))
    mad = float(np.median(np.abs(samples - median)))
    distance = OUTLIER_SIGMAS * SIGMA_PER_MAD * max(mad, timer_tick(samples) if mad == 0 else 0.0)
    return median - distance, median + distance


def _outliers(rounds: list[Floats], options: OptionsInUse) -> list[Flag]:
    count, farthest = 0, 1.0
    for samples in rounds:
        low, high = robust_limits(samples)
        outside = samples[(samples < low) | (samples > high)]
        count += outside.size
        if outside.size and (median := float(np.median(samples))) > 0:
            farthest = max([farthest, *(outside / median).tolist()], key=lambda ratio: abs(ratio - 1))
    if not count:
        return []
    total = sum(samples.size for samples in rounds)
    beyond = f"beyond {OUTLIER_SIGMAS} robust standard deviations"
    text = f"{count} of {total} samples {beyond}, up to {farthest:.3g}x the median"
    return raise_flag(FlagKind.OUTLIERS, "info", text, options)


def _slow_first(rounds: list[Floats], options: OptionsInUse) -> list[Flag]:
    slow = [float(samples[0] / np.median(samples)) for samples in rounds if _first_is_slow(samples)]
    if not slow:
        return []
    where = f" in {len(slow)} of {len(rounds)} rounds" if len(rounds) > 1 else ""
    text = f"first sample {max(slow):.3g}x the median{where} (beyond {OUTLIER_SIGMAS} robust standard deviations)"
    return raise_flag(FlagKind.SLOW_FIRST_SAMPLE, "info", text, options)


def _first_is_slow(samples: Floats) -> bool:
    return samples.size > 3 and float(np.median(samples)) > 0 and float(samples[0]) > robust_limits(samples)[1]


def _drift(rounds: list[Floats], options: OptionsInUse, tick: float | None) -> list[Flag]:
    """Thirds whose medians differ by more than the limit, and by more than their own intervals leave to chance."""
    found = []
    for index, samples in enumerate(rounds):
        third = samples.size // 3
        if third < LEAST_THIRD or not (start := float(np.median(samples[:third]))) > 0:
            continue
        change = float(np.median(samples[-third:])) / start - 1
        # The more rounds are looked at, the further one of them strays by chance.
        confidence = 1 - DRIFT_P / len(rounds)
        errors = [_error_of_median(part, confidence) for part in (samples[:third], samples[-third:])]
        # The medians of readings on few ticks jump from one to the next.
        jump = tick if tick is not None else timer_tick(samples) if np.unique(samples).size < samples.size / 2 else 0.0
        if abs(change) > max(DRIFT_LIMIT, (sum(errors) + jump) / start):
            found.append((change, index))
    if not found:
        return []
    change, index = max(found, key=lambda item: abs(item[0]))
    text = f"{change:+.1%} from the first to the last third{_place(index, rounds)} (limit {DRIFT_LIMIT:.0%})"
    return raise_flag(FlagKind.DRIFT, "warning", text, options)


def _error_of_median(samples: Floats, confidence: float) -> float:
    """Half the interval of the median, the whole range where there is none, of samples freed of their own trend.

    A trend is what drift is made of; left in, it would look like correlation and hide itself behind a wide interval.
    """
    place = np.arange(samples.size, dtype=np.float64)
    slope, _ = np.polyfit(place, np.clip(samples, *np.quantile(samples, [0.05, 0.95])), 1)
    level = samples - slope * place
    around = quantile_interval([level], 0.5, confidence)
    if around.low is None or around.high is None:
        return float(level.max() - level.min())
    return (around.high - around.low) / 2


def _bimodal(rounds: list[Floats], options: OptionsInUse, tick: float | None) -> list[Flag]:
    modes = [(found, index) for index, s in enumerate(rounds) if (found := find_two_modes(s, tick=tick))]
    if not modes:
        return []
    found, index = max(modes, key=lambda item: item[0].dip)
    text = (
        f"two modes, the slower one {found.upper / found.lower:.3g}x the faster with {found.upper_share:.0%} of the "
        f"samples{_place(index, rounds)} (dip {found.dip:.3f})"
    )
    return raise_flag(FlagKind.BIMODAL, "warning", text, options)


def _few_rounds(rounds: list[Floats], options: OptionsInUse) -> list[Flag]:
    needed = rounds_needed()
    if len(rounds) >= needed:
        return []
    unseen = (
        "the spread between processes was not measured" if len(rounds) == 1 else "the interval rests on few processes"
    )
    text = (
        f"{len(rounds)} round{'s' if len(rounds) > 1 else ''}: {unseen}; a comparison needs {needed} against {needed}"
    )
    return raise_flag(FlagKind.FEW_ROUNDS, "info", text, options)


def _processes_disagree(rounds: list[Floats], options: OptionsInUse, tick: float | None) -> list[Flag]:
    """Do the rounds' medians scatter more than their own errors explain? Welch's test for means of unequal variance
    (Biometrika 38, 1951), each round's degrees of freedom from its effective sample size."""
    from scipy.special import fdtrc, ndtri

    estimates = [quantile_interval([samples], 0.5, tick=tick) for samples in rounds]
    # The middle of the interval, unlike the median itself, does not jump from one tick of a coarse clock to the next.
    known = np.array(
        [
            (e.low, e.high, e.n_effective)
            for e in estimates
            if e.low is not None and e.high is not None and e.high > e.low and e.n_effective >= LEAST_EFFECTIVE
        ]
    )
    count = len(known)
    if count < 2:
        return []
    medians = known[:, :2].mean(axis=1)
    errors = (known[:, 1] - known[:, 0]) / 2 / ndtri((1 + estimates[0].confidence) / 2)
    weights = errors**-2.0
    between = float((weights * (medians - np.average(medians, weights=weights)) ** 2).sum()) / (count - 1)
    uncertainty = float(((1 - weights / weights.sum()) ** 2 / (known[:, 2] - 1)).sum())
    ratio = between / (1 + 2 * (count - 2) / (count**2 - 1) * uncertainty)
    spread = coefficient_of_variation(medians)
    chance = fdtrc(count - 1, (count**2 - 1) / (3 * uncertainty), ratio)
    if spread <= ROUND_SPREAD_LIMIT or chance >= ROUND_SPREAD_P:
        return []
    largest = float(medians.max() / medians.min()) - 1
    text = (
        f"the medians of {count} processes spread by {spread:.1%} (CV), {largest:.1%} between the fastest and "
        f"the slowest, where their samples leave {float(np.median(errors / medians)):.2%} to chance"
    )
    return raise_flag(FlagKind.PROCESSES_DISAGREE, "warning", text, options)
