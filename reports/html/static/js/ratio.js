// The ratio of two runs by the medians of their rounds, as `bench compare` has it: Hodges and Lehmann's estimate, and the
// interval of the same ranks as the Mann-Whitney test.
const MOST_COUNTED = 400;

/** {ratio, low, high}: B's latency over A's; the ends null where the rounds support no 95 % interval. */
function ratioOf(a, b) {
  const shifts = b.flatMap((one) => a.map((other) => Math.log(one / other))).sort((x, y) => x - y);
  const middle = (shifts.length - 1) / 2;
  const median = (shifts[Math.floor(middle)] + shifts[Math.ceil(middle)]) / 2;
  const outside = pairsOutside(a.length, b.length, 0.025);
  const at = (place) => (outside < 0 ? null : Math.exp(shifts[place]));
  return { ratio: Math.exp(median), low: at(outside), high: at(shifts.length - 1 - outside) };
}

/** How many of the sorted differences lie outside the interval on each side; -1 where not even all reach it. */
function pairsOutside(n, m, tail) {
  const pairs = n * m;
  if (pairs > MOST_COUNTED) return Math.max(-1, Math.floor(pairs / 2 - 1.959964 * Math.sqrt((pairs * (n + m + 1)) / 12) - 0.5));
  // By the number of pairs that are the wrong way round: in how many orders of the rounds there are so many.
  let counts = Array.from({ length: n + 1 }, (_, size) => (size === 0 ? [1] : []));
  for (let rank = 1; rank <= n + m; rank++) {
    for (let size = Math.min(n, rank); size > 0; size--) {
      const shifted = counts[size - 1];
      const sum = [...counts[size]];
      for (let total = 0; total < shifted.length; total++) if (shifted[total]) sum[total + rank] = (sum[total + rank] ?? 0) + shifted[total];
      counts[size] = sum;
    }
  }
  const sums = counts[n];
  const least = (n * (n + 1)) / 2;
  const all = sums.reduce((sum, one) => sum + (one ?? 0), 0);
  let outside = -1;
  for (let wrong = 0, seen = 0; wrong <= pairs; wrong++) {
    seen += sums[least + wrong] ?? 0;
    if (seen / all > tail) break;
    outside = wrong;
  }
  return outside;
}
