//! What the guard costs. Run with `--ignored --nocapture` in release mode.

use std::time::Instant;

use super::*;

const PAIRS: u32 = 200;
const ROUNDS: usize = 25;

#[test]
#[ignore = "a measurement, not a check"]
fn per_fork_and_exec() {
    let line = format!("i=0; while [ $i -lt {PAIRS} ]; do /usr/bin/true; i=$((i+1)); done");
    let plain = rounds(|| {
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", &line])
            .status();
        assert!(status.unwrap().success());
    });
    println!(
        "without the guard: {:.3} ms per fork and exec",
        plain[ROUNDS / 2]
    );
    let rules = allowing(&["true", "ls *", "git *"]);
    for (name, policy) in [("observe", observing()), ("enforce", rules)] {
        let with = rounds(|| assert_eq!(shell(&policy, &line).0, Ending::Exited(0)));
        println!(
            "{name}: {:.3} ms per fork and exec, {:.3} added (median of {ROUNDS} rounds)",
            with[ROUNDS / 2],
            with[ROUNDS / 2] - plain[ROUNDS / 2],
        );
    }
}

/// Milliseconds per pair, sorted.
fn rounds(mut run: impl FnMut()) -> Vec<f64> {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3 / f64::from(PAIRS)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}
