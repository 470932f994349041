//! What deciding about a line costs: read, judged against 1,000 rules, and asked of 50
//! guardrails on top. Single thread. `cargo xtask bench judge` runs it.
#![allow(clippy::print_stdout, reason = "a program that prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::Utc;
use guardrail::{Detail, Facts, Outcome, Principal, Requester, Server, Set, Source};
use judge::{Authority, Decision, Plan, RuleSet};

const RULES: usize = 1_000;
const GUARDRAILS: usize = 50;
const ROUNDS: usize = 20_000;
const WARM_UP: usize = 1_000;

const LINES: [&str; 4] = [
    "git status",
    "systemctl restart nginx.service",
    "kubectl get pods -n prod | grep web-1",
    "journalctl -u postgres --since '1 hour ago' | tail -n 100",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let authority = Authority {
        commands: Some(RuleSet::compile(&rules())?),
        ..Authority::default()
    };
    let guardrails =
        Set::compile(&sources()).map_err(|(name, error)| format!("{name}: {error}"))?;
    println!("{RULES} rules, {GUARDRAILS} guardrails, {ROUNDS} rounds, one thread");
    println!("{:<60} {:>12} {:>12}", "", "p50", "p99");
    for line in LINES {
        let judged = measured(|| {
            let plan = Plan::read(black_box(line));
            let verdict = judge::judge(&plan, &authority, &[] as &[&str]);
            verdict.decision == Decision::Allow
        })?;
        let guarded = measured(|| {
            let plan = Plan::read(black_box(line));
            let verdict = judge::judge(&plan, &authority, &[] as &[&str]);
            let outcome = guardrails.decide(&facts(line, &plan));
            verdict.decision == Decision::Allow && outcome == Outcome::Pass
        })?;
        show(&format!("judge: {line}"), &judged);
        show(&format!("and guardrails: {line}"), &guarded);
    }
    println!("targets: p50 20 µs for judging, 100 µs with guardrails");
    Ok(())
}

/// Sorted times of an answer that must be yes.
fn measured(decide: impl Fn() -> bool) -> Result<Vec<Duration>, String> {
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + WARM_UP {
        let started = Instant::now();
        let allowed = black_box(decide());
        let elapsed = started.elapsed();
        if !allowed {
            return Err("a line was not allowed, so that the figures mean nothing".to_owned());
        }
        if round >= WARM_UP {
            times.push(elapsed);
        }
    }
    times.sort_unstable();
    Ok(times)
}

fn show(name: &str, times: &[Duration]) {
    let at = |percent: usize| {
        let time = times.get(times.len() * percent / 100);
        time.copied().unwrap_or_default().as_secs_f64() * 1e6
    };
    println!("{name:<60} {:>9.1} µs {:>9.1} µs", at(50), at(99));
}

/// Mostly other programs and other arguments; the lines' own come last.
fn rules() -> Vec<String> {
    let own = [
        "git *",
        "systemctl restart *",
        "kubectl get *",
        "grep *",
        "journalctl *",
        "tail *",
    ];
    let filler = (0..RULES - own.len()).map(|number| match number % 4 {
        0 => format!("git push origin release-{number}"),
        1 => format!("systemctl restart app-{number}.service"),
        2 => format!("tool-{number} *"),
        _ => format!("kubectl logs deploy/app-{number} *"),
    });
    filler.chain(own.map(str::to_owned)).collect()
}

/// A third for this operation and anyone, a third for other operations, a third for
/// other people: what a workspace writes.
fn sources() -> Vec<Source> {
    (0..GUARDRAILS)
        .map(|number| {
            let (principal, action) = match number % 3 {
                0 => ("principal".to_owned(), "command"),
                1 => ("principal".to_owned(), "tunnel"),
                _ => (format!("principal == User::\"user-{number}\""), "command"),
            };
            let condition = match action {
                "command" => format!(
                    "context.plan.programs.contains(\"tool-{number}\") && context.plan.risk_level > 1"
                ),
                _ => format!("context.port == {number}"),
            };
            Source {
                id: number.to_string(),
                name: format!("guardrail-{number}"),
                version: 1,
                text: format!(
                    "forbid ({principal}, action == Action::\"{action}\", resource) when {{ \
                     resource.hasTag(\"env\") && resource.getTag(\"env\") == \"prod\" && {condition} }};"
                ),
            }
        })
        .collect()
}

fn facts<'a>(line: &'a str, plan: &'a Plan) -> Facts<'a> {
    Facts {
        principal: Principal {
            name: "alice".to_owned(),
            groups: vec!["ops".to_owned(), "alpacon".to_owned()],
            ..Principal::default()
        },
        server: Server {
            name: "web-1".to_owned(),
            platform: "debian".to_owned(),
            tags: [("env".to_owned(), "prod".to_owned())].into(),
        },
        requester: Requester::Human,
        interactive: true,
        ip: Some([10, 0, 0, 1].into()),
        time: Utc::now(),
        username: "alice".to_owned(),
        in_session: true,
        detail: Detail::Command {
            line,
            plan,
            env: Vec::new(),
        },
    }
}
