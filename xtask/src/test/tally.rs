//! Counting what test programs print.

/// Results of several test programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed, and test programs that crashed.
    pub(crate) failed: u64,
    /// Their names.
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// Takes in one line of a test program's output.
    pub(crate) fn read(&mut self, label: &str, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, "passed");
            self.failed += count(result, "failed");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(format!("{name} ({label})"));
        }
    }

    /// A test program ended without a result.
    pub(crate) fn crashed(&mut self, label: &str, what: &str) {
        self.failed += 1;
        self.failures.push(format!("{what} ({label})"));
    }
}

/// The number before `word` in `ok. 12 passed; 0 failed; …`.
fn count(result: &str, word: &str) -> u64 {
    let mut words = result
        .split([' ', ';', '.'])
        .filter(|part| !part.is_empty());
    let mut last = "";
    words
        .find_map(|part| {
            let number = (part == word).then(|| last.parse().ok()).flatten();
            last = part;
            number
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_add_up_and_failures_have_names() {
        let mut tally = Tally::default();
        for line in [
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out",
        ] {
            tally.read("SQLite", line);
        }
        tally.crashed("SQLite", "`e2e` (signal: 6)");
        assert_eq!((tally.passed, tally.failed), (13, 2));
        assert_eq!(
            tally.failures,
            ["a::c (SQLite)", "`e2e` (signal: 6) (SQLite)"]
        );
    }
}
