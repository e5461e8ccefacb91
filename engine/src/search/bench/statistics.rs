//! Statistics on two sets of trials. A trial that found nothing is censored: it would have taken longer than its
//! budget.

use std::cmp::Ordering;

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The time that a trial took, and whether it found its bug.
pub type Time = (f64, bool);

/// The median; `None` if at least half of the trials found nothing, because the median is then larger than the budget.
/// For an even number of trials, this is the greater of the two middle values, because their mean is unknown if one of
/// them is censored.
pub fn median(times: &[Time]) -> Option<f64> {
    let mut found: Vec<f64> = times.iter().filter(|(_, found)| *found).map(|(time, _)| *time).collect();
    found.sort_by(f64::total_cmp);
    found.get(times.len() / 2).copied()
}

/// The probability that a trial of the first set is faster than one of the second, where a tie counts as half: Vargha
/// and Delaney's A. 0.5 means no difference. Two trials that found nothing are a tie.
pub fn superiority(first: &[Time], second: &[Time]) -> Option<f64> {
    let score = |a: &Time, b: &Time| match (a.1, b.1) {
        (true, true) => match a.0.total_cmp(&b.0) {
            Ordering::Less => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Greater => 0.0,
        },
        (false, false) => 0.5,
        (found, _) => f64::from(u8::from(found)),
    };
    let sum: f64 = first.iter().flat_map(|a| second.iter().map(move |b| score(a, b))).sum();
    let pairs = first.len() * second.len();
    (pairs > 0).then(|| sum / pairs as f64)
}

/// The p-value of the log-rank test: the probability of a difference at least this large if both sets were equally
/// fast.
pub fn log_rank(first: &[Time], second: &[Time]) -> Option<f64> {
    let mut moments: Vec<f64> = first.iter().chain(second).filter(|(_, found)| *found).map(|(time, _)| *time).collect();
    moments.sort_by(f64::total_cmp);
    moments.dedup();
    // A trial that found nothing is at risk at every time of an event, because all trials have the same budget.
    let looking = |times: &[Time], at: f64| times.iter().filter(|(time, found)| !found || *time >= at).count() as f64;
    let finding = |times: &[Time], at: f64| {
        times.iter().filter(|(time, found)| *found && time.total_cmp(&at).is_eq()).count() as f64
    };
    let (mut difference, mut variance) = (0.0, 0.0);
    for at in moments {
        let (ours, all) = (looking(first, at), looking(first, at) + looking(second, at));
        let found = finding(first, at) + finding(second, at);
        difference += finding(first, at) - found * ours / all;
        if all > 1.0 {
            variance += found * (ours / all) * (1.0 - ours / all) * (all - found) / (all - 1.0);
        }
    }
    if variance <= 0.0 {
        return None;
    }
    ChiSquared::new(1.0).ok().map(|distribution| distribution.sf(difference * difference / variance))
}

/// Holm's correction: returns p-values that hold jointly at any significance level.
pub fn holm(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..values.len()).filter(|index| values[*index].is_some()).collect();
    order.sort_by(|a, b| values[*a].unwrap_or(1.0).total_cmp(&values[*b].unwrap_or(1.0)));
    let mut corrected = vec![None; values.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.iter().enumerate() {
        largest = largest.max(values[*index].unwrap_or(1.0) * (order.len() - rank) as f64).min(1.0);
        corrected[*index] = Some(largest);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(times: &[f64]) -> Vec<Time> {
        times.iter().map(|time| (*time, true)).collect()
    }

    #[test]
    fn a_median_is_known_only_if_more_than_half_found_it() {
        assert_eq!(median(&all(&[3.0, 1.0, 2.0])), Some(2.0));
        assert_eq!(median(&[(1.0, true), (9.0, false), (2.0, true)]), Some(2.0));
        assert_eq!(median(&[(1.0, true), (9.0, false)]), None);
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn superiority_is_symmetric_and_counts_trials_that_found_nothing() {
        let (fast, slow) = (all(&[1.0, 2.0]), vec![(3.0, true), (5.0, false)]);
        assert_eq!(superiority(&fast, &slow), Some(1.0));
        assert_eq!(superiority(&slow, &fast), Some(0.0));
        assert_eq!(superiority(&fast, &fast), Some(0.5));
        assert_eq!(superiority(&[(5.0, false)], &[(5.1, false)]), Some(0.5), "the budget ended both");
        assert_eq!(superiority(&[], &fast), None);
    }

    #[test]
    fn the_log_rank_test_matches_a_calculation_by_hand() {
        // Three against three, no ties: events at times 1 (3 of 6), 2 (2 of 5) and 3 (1 of 4). After that only the
        // second set is left.
        let (first, second) = (all(&[1.0, 2.0, 3.0]), all(&[4.0, 5.0, 6.0]));
        let difference: f64 = 3.0 - (3.0 / 6.0 + 2.0 / 5.0 + 1.0 / 4.0);
        let variance = 0.25 + 0.24 + 0.1875;
        let chi_squared = difference * difference / variance;
        assert!((chi_squared - 5.051_660_5).abs() < 1e-6, "{chi_squared}");
        // The chi-squared distribution with one degree of freedom exceeds 5.0516605 with probability 0.0246.
        let p = log_rank(&first, &second).expect("a value");
        assert!((p - 0.024_603).abs() < 1e-5, "{p}");
        assert_eq!(log_rank(&second, &first).map(|p| (p * 1e9).round()), Some((p * 1e9).round()));
        assert!(log_rank(&first, &first).expect("a value") > 0.99);
        assert_eq!(log_rank(&[(9.0, false)], &[(9.0, false)]), None, "nothing was found");
        let censored = [(9.0, false), (9.0, false), (9.0, false)];
        assert_eq!(log_rank(&first, &censored), log_rank(&first, &second), "how late the others are does not matter");
    }

    #[test]
    fn p_values_are_corrected_for_multiple_tests() {
        let corrected = holm(&[Some(0.04), None, Some(0.01), Some(0.03)]);
        assert_eq!(corrected, [Some(0.06), None, Some(0.03), Some(0.06)]);
        assert_eq!(holm(&[Some(0.9), Some(0.8)]), [Some(1.0), Some(1.0)]);
    }
}
