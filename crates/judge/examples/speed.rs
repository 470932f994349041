//! Prints the time of a decision: `cargo run --release -p alpacon-judge --example speed`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{hint::black_box, time::Instant};

use judge::{Authority, Plan, RuleSet, judge};

const LINES: [&str; 6] = [
    "systemctl restart nginx",
    "docker ps --format '{{.ID}}' | grep -v web",
    "cd /srv/app && git pull --ff-only && make -j2 all 2>&1 | tee build.log",
    "sudo -u app find /var/log -name '*.gz' -mtime +7 -exec rm -f {} +",
    "for f in a b c; do echo \"$f: $(wc -l < \"$f\")\"; done",
    "not-allowed --at all",
];

fn main() {
    let mut rules: Vec<String> = (0..970)
        .map(|index| format!("tool-{index} run *"))
        .collect();
    rules.extend((0..20).map(|index| format!("docker compose -p project-{index} *")));
    for rule in [
        "systemctl restart *",
        "docker ps *",
        "grep *",
        "git *",
        "make *",
        "tee *",
        "cd *",
        "sudo *",
        "find *",
        "echo *",
    ] {
        rules.push(rule.to_owned());
    }
    let set = RuleSet::compile(&rules).unwrap();
    println!("{} rules", rules.len());
    let authority = Authority {
        commands: Some(set),
        ..Authority::default()
    };
    for line in LINES {
        let read = median(|| {
            black_box(Plan::read(black_box(line)));
        });
        let plan = Plan::read(line);
        let decide = median(|| {
            black_box(judge(black_box(&plan), &authority, &[] as &[&str]));
        });
        println!("read {read:6.2} µs  decide {decide:6.2} µs  {line}");
    }
    let worst = "$(".repeat(100_000);
    let once = Instant::now();
    black_box(Plan::read(&worst));
    println!(
        "200 kB of `$(`: {:.2} ms",
        once.elapsed().as_secs_f64() * 1e3
    );
}

/// Median time of one call, in microseconds.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            (0..50).for_each(|_| run());
            start.elapsed().as_secs_f64() * 1e6 / 50.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
