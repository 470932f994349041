//! A series of measurements.

use std::time::Duration;

/// Measured times, in the order they were taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds those of another series.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Forgets the first `count`.
    pub(crate) fn drop_first(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// The time that `percent` of all do not exceed (nearest rank), in
    /// milliseconds; 0 without measurements.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted
            .get(rank - 1)
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Times;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut times = Times::default();
        for ms in [99, 5, 1, 3, 2, 4] {
            times.add(Duration::from_millis(ms));
        }
        times.drop_first(1);
        assert!((times.percentile(50) - 3.0).abs() < 1e-9);
        assert!((times.percentile(90) - 5.0).abs() < 1e-9);
        assert!(Times::default().percentile(50).abs() < 1e-9);
    }
}
