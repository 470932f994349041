//! `alpacon judge explain LINE`: what a line would run. No login, no network.

use ::judge::{Explanation, Plan};

use crate::error::{CliError, Failure};
use crate::output::{self, Format, json, sanitize};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The command line, quoted as one word.
    line: String,
}

pub(super) fn run(args: &Args, format: Format) -> Result<(), Failure> {
    if args.line.trim().is_empty() {
        return Err(CliError::usage("the line is empty").into());
    }
    let explanation = ::judge::explain(&Plan::read(&args.line));
    match format {
        Format::Json => json::print(&explanation),
        Format::Table => output::stdout(&sanitize::lines(&shown(&explanation))),
    }
    Ok(())
}

fn shown(explanation: &Explanation) -> String {
    let mut lines = vec![format!("risk: {}", explanation.risk)];
    for step in &explanation.commands {
        let mut notes = Vec::new();
        if let Some(by) = &step.run_by {
            notes.push(format!("run by `{by}`"));
        }
        if step.privileged {
            notes.push("as another user".to_owned());
        }
        if step.other_reading {
            notes.push("only in shells other than bash".to_owned());
        }
        if !step.risks.is_empty() {
            notes.push(format!("{} risk: {}", step.risk, step.risks.join(", ")));
        }
        let notes = match notes.is_empty() {
            true => String::new(),
            false => format!("  ({})", notes.join("; ")),
        };
        lines.push(format!("runs: {}{notes}", step.command));
    }
    let list = |name: &str, values: &[String]| {
        (!values.is_empty()).then(|| format!("{name}: {}", values.join(", ")))
    };
    lines.extend(list("sets", &explanation.environment));
    lines.extend(list("writes", &explanation.writes));
    let flags: Vec<String> = explanation
        .flags
        .iter()
        .map(|flag| flag.as_str().to_owned())
        .collect();
    lines.extend(list("flags", &flags));
    if let Some(problem) = &explanation.problem {
        lines.push(format!(
            "undecidable, so an allow-list denies it: {problem}"
        ));
    }
    if let Some(credential) = &explanation.credential {
        lines.push(format!("refused, because {credential}"));
    }
    if explanation.direct {
        lines.push("runs without a shell".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sees_what_runs_and_why_it_is_risky() {
        let said = shown(&::judge::explain(&Plan::read("sudo rm -rf /etc")));
        insta::assert_snapshot!(said, @r"
        risk: critical
        runs: sudo rm -rf /etc
        runs: rm -rf /etc  (run by `sudo rm -rf /etc`; as another user; critical risk: delete-system-path, delete-tree)
        flags: privileged
        runs without a shell
        ");
    }
}
