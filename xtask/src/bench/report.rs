//! What a benchmark found.

use std::time::Duration;

use serde_json::{Value, json};

use super::times::Times;

/// Targets: `docs/testing.md` says where they come from.
const START_TARGET_MS: f64 = 3.0;
const AGENT_TARGET_MIB: f64 = 15.0;
const SERVER_TARGET_MIB: f64 = 60.0;

/// Ours and OpenSSH's, measured alternately.
pub(crate) struct Comparison {
    /// `alpacon exec`.
    pub(crate) ours: Times,
    /// `ssh`.
    pub(crate) theirs: Times,
    /// Wanted: median of ours divided by median of theirs is not above.
    pub(crate) target_ratio: f64,
}

/// Resident memory at rest, in MiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Of the agent.
    pub(crate) agent: f64,
    /// Of the control plane.
    pub(crate) server: f64,
}

/// Everything.
pub(crate) struct Report {
    /// Measurements of each kind.
    pub(crate) samples: usize,
    /// A new process and connection each time.
    pub(crate) cold: Comparison,
    /// `ssh` over an open connection.
    pub(crate) warm: Comparison,
    /// `alpacon version`.
    pub(crate) start: Times,
    /// At rest, before the storm.
    pub(crate) memory: Memory,
    /// 200 commands at once, from the first start to the last end.
    pub(crate) storm: Duration,
}

impl Comparison {
    fn ratio(&self) -> f64 {
        self.ours.percentile(50) / self.theirs.percentile(50)
    }

    fn json(&self) -> Value {
        json!({
            "ours_ms": percentiles(&self.ours),
            "ssh_ms": percentiles(&self.theirs),
            "ratio": rounded(self.ratio()),
            "target_ratio": self.target_ratio,
            "met": self.ratio() <= self.target_ratio,
        })
    }

    fn print(&self, label: &str) {
        println!(
            "{label:<34}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>8.2}{:>9.2}  {}",
            self.ours.percentile(50),
            self.ours.percentile(90),
            self.theirs.percentile(50),
            self.theirs.percentile(90),
            self.ratio(),
            self.target_ratio,
            verdict(self.ratio() <= self.target_ratio)
        );
    }
}

impl Report {
    /// As one object.
    pub(crate) fn json(&self) -> Value {
        json!({
            "samples": self.samples,
            "cold": self.cold.json(),
            "warm": self.warm.json(),
            "version_ms": percentiles(&self.start),
            "agent_rss_mib": rounded(self.memory.agent),
            "server_rss_mib": rounded(self.memory.server),
            "concurrent_200_seconds": rounded(self.storm.as_secs_f64()),
        })
    }

    /// As a table.
    pub(crate) fn print(&self) {
        println!(
            "{} samples, release build, loopback, TLS; milliseconds\n",
            self.samples
        );
        println!(
            "{:<34}{:>9}{:>9}{:>9}{:>9}{:>8}{:>9}",
            "", "p50", "p90", "ssh p50", "ssh p90", "ratio", "target"
        );
        self.cold.print("cold: alpacon exec | ssh");
        self.warm.print("warm: exec loop | ssh ControlMaster");
        let start = self.start.percentile(50);
        println!(
            "{:<34}{start:>9.1}{:>9.1}{:>35}  {}",
            "alpacon version",
            self.start.percentile(90),
            format!("{START_TARGET_MS:.1}"),
            verdict(start < START_TARGET_MS)
        );
        for (label, used, target) in [
            ("agent at rest, MiB", self.memory.agent, AGENT_TARGET_MIB),
            ("server at rest, MiB", self.memory.server, SERVER_TARGET_MIB),
        ] {
            println!(
                "{label:<34}{used:>9.1}{target:>44.1}  {}",
                verdict(used < target)
            );
        }
        println!(
            "\n200 commands at once: all succeeded, all output right, {:.1} s",
            self.storm.as_secs_f64()
        );
    }
}

fn percentiles(times: &Times) -> Value {
    json!({
        "p50": rounded(times.percentile(50)),
        "p90": rounded(times.percentile(90)),
    })
}

/// Two decimals: the rest is noise.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}
