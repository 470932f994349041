//! What the guard costs. Run with `--ignored --nocapture` in release mode, on a
//! machine that does nothing else.

use std::time::Instant;

use super::*;

const PAIRS: u32 = 200;
const ROUNDS: usize = 25;

#[test]
#[ignore = "a measurement, not a check"]
fn per_fork_and_exec() {
    let line = format!("i=0; while [ $i -lt {PAIRS} ]; do /usr/bin/true; i=$((i+1)); done");
    let rules = allowing(&["true", "ls *", "git *"]);
    let under = |policy: &Policy| assert_eq!(shell(policy, &line).0, Ending::Exited(0));
    let mut plain = Vec::new();
    let mut observe = Vec::new();
    let mut enforce = Vec::new();
    // In turn, so that whatever else the machine does weighs on all alike.
    for _ in 0..ROUNDS {
        plain.push(milliseconds(|| {
            let mut shell = std::process::Command::new("/bin/sh");
            assert!(shell.args(["-c", &line]).status().unwrap().success());
        }));
        observe.push(milliseconds(|| under(&observing())));
        enforce.push(milliseconds(|| under(&rules)));
    }
    let [plain, observe, enforce] = [plain, observe, enforce].map(Spread::of);
    println!("milliseconds per fork and exec, median and best of {ROUNDS} rounds");
    println!("without the guard: {:.3}, {:.3}", plain.median, plain.best);
    for (name, with) in [("observe", observe), ("enforce", enforce)] {
        let (median, best) = (with.median - plain.median, with.best - plain.best);
        println!("{name} adds: {median:.3}, {best:.3}");
    }
}

struct Spread {
    median: f64,
    best: f64,
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self {
            median: times[times.len() / 2],
            best: times[0],
        }
    }
}

/// Per pair.
fn milliseconds(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e3 / f64::from(PAIRS)
}
