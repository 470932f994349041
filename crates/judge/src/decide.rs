//! The table of `judgment.md` §3.

use crate::{
    authority::{Authority, Sudo},
    environment::changes_what_runs,
    plan::{Assigned, Flag, Origin, Plan, SimpleCommand},
    risk::{self, Action, Risk},
    rule::{Rule, RuleSet, Subject},
    verdict::{Decision, DenyCode, Verdict},
};

/// Files that hold nothing.
const HARMLESS_FILES: [&str; 5] = [
    "/dev/null",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/tty",
    "/dev/fd/1",
];

/// Decides about a plan. `env_names` are the variables that come with the
/// command (`--env`).
pub fn judge<S: AsRef<str>>(plan: &Plan, authority: &Authority, env_names: &[S]) -> Verdict {
    let mut flags = plan.flags.clone();
    let from_outside: Vec<&str> = env_names.iter().map(AsRef::as_ref).collect();
    if from_outside.iter().any(|name| changes_what_runs(name))
        && let Err(at) = flags.binary_search(&Flag::EnvironmentChanged)
    {
        flags.insert(at, Flag::EnvironmentChanged);
    }
    let risk = risk::of(plan);
    let answer = Judge { plan, authority }.decide(&from_outside);
    let (decision, rule) = match answer {
        Ok(rule) => (by_risk(risk, authority), rule),
        Err(Denial { code, reason, rule }) => (Decision::Deny { code, reason }, rule),
    };
    Verdict {
        decision,
        rule,
        flags,
        risk,
    }
}

struct Denial {
    code: DenyCode,
    reason: String,
    rule: Option<String>,
}

fn deny<T>(code: DenyCode, reason: String) -> Result<T, Denial> {
    Err(Denial {
        code,
        reason,
        rule: None,
    })
}

fn by_risk(risk: Risk, authority: &Authority) -> Decision {
    match authority.risk.action(risk) {
        Action::Allow | Action::AllowAndNotify => Decision::Allow,
        Action::Hold => Decision::Hold {
            reason: format!("the risk of this command is {risk}"),
        },
        Action::Deny => Decision::Deny {
            code: DenyCode::RiskDenied,
            reason: format!(
                "the risk of this command is {risk}, which this requester may not take"
            ),
        },
    }
}

struct Judge<'a> {
    plan: &'a Plan,
    authority: &'a Authority,
}

impl<'a> Judge<'a> {
    /// The deciding rule, or why not.
    fn decide(&self, from_outside: &[&str]) -> Result<Option<String>, Denial> {
        self.check_sudo()?;
        let Some(rules) = &self.authority.commands else {
            return Ok(None);
        };
        let first = self.check_commands(rules)?;
        if let Some(problem) = &self.plan.problem {
            return deny(
                DenyCode::Undecidable,
                format!("the line cannot be read with certainty: {problem}"),
            );
        }
        if let Some(name) = from_outside
            .iter()
            .find(|name| self.plan.evaluated.iter().any(|known| known == *name))
        {
            return deny(
                DenyCode::Undecidable,
                format!("bash would evaluate the contents of the variable `{name}`"),
            );
        }
        self.check_environment(rules, from_outside)?;
        self.check_files()?;
        Ok(first)
    }

    fn check_sudo(&self) -> Result<(), Denial> {
        let policies = match &self.authority.sudo {
            Sudo::Unrestricted => return Ok(()),
            Sudo::Forbidden => None,
            Sudo::Policies(policies) => Some(policies),
        };
        let mut found = Vec::with_capacity(self.plan.commands.len());
        for command in &self.plan.commands {
            if !command.is_privileged() {
                found.push(None);
                continue;
            }
            let Some(policies) = policies else {
                return deny(
                    DenyCode::SudoScope,
                    "the work session does not hold the `sudo` scope".to_owned(),
                );
            };
            let covered = self.cover(policies, command, &[], &found);
            if covered.is_none() {
                return deny(
                    DenyCode::SudoNoPolicy,
                    format!("no sudo policy names `{}`", command.canonical()),
                );
            }
            found.push(covered);
        }
        Ok(())
    }

    fn subject(&self, command: &SimpleCommand) -> Subject {
        Subject::new(&command.words, &self.authority.trusted_folders)
    }

    /// Every command needs a rule. What a wrapper runs needs its own, unless
    /// the wrapper's rule spells it out.
    fn check_commands(&self, rules: &RuleSet) -> Result<Option<String>, Denial> {
        let mut found = Vec::with_capacity(self.plan.commands.len());
        for command in &self.plan.commands {
            if command.name().is_none() {
                return deny(DenyCode::Undecidable, unknown(command));
            }
            let variables = changing(&command.assignments);
            let covered = self.cover(rules, command, &variables, &found);
            if covered.is_none() {
                return Err(self.unmatched(rules, command, &variables));
            }
            found.push(covered);
        }
        Ok(found
            .first()
            .copied()
            .flatten()
            .map(|covered| covered.rule.text().to_owned()))
    }

    /// The rule for the next command after those in `found`.
    fn cover<'r>(
        &self,
        rules: &'r RuleSet,
        command: &SimpleCommand,
        variables: &[&Assigned],
        found: &[Option<Covered<'r>>],
    ) -> Option<Covered<'r>> {
        match rules.find(&self.subject(command), variables) {
            Some(rule) => Some(Covered {
                rule,
                outermost: found.len(),
                offset: Some(0),
            }),
            None if variables.is_empty() => self.spelled_out(command, found),
            None => None,
        }
    }

    fn spelled_out<'r>(
        &self,
        command: &SimpleCommand,
        found: &[Option<Covered<'r>>],
    ) -> Option<Covered<'r>> {
        let Origin::Wrapper {
            wrapper,
            word,
            in_words: true,
            ..
        } = command.origin
        else {
            return None;
        };
        let outer = found.get(wrapper).copied().flatten()?;
        if outer.rule.is_literal() {
            return Some(Covered {
                offset: None,
                ..outer
            });
        }
        let offset = outer.offset? + word?;
        let matched = self.plan.commands.get(outer.outermost)?;
        let spelled = outer.rule.spells_out(&matched.words, offset);
        spelled.then_some(Covered {
            offset: Some(offset),
            ..outer
        })
    }

    fn unmatched(
        &self,
        rules: &RuleSet,
        command: &SimpleCommand,
        variables: &[&Assigned],
    ) -> Denial {
        let shown = command.canonical();
        match variables.first() {
            Some(variable) if rules.find(&self.subject(command), &[]).is_some() => Denial {
                code: DenyCode::EnvironmentNotAllowed,
                reason: format!(
                    "`{}` changes what `{shown}` runs, and no rule names it",
                    variable.name
                ),
                rule: None,
            },
            _ => Denial {
                code: DenyCode::CommandNotAllowed,
                reason: format!("no rule allows `{shown}`"),
                rule: None,
            },
        }
    }

    fn check_environment(&self, rules: &RuleSet, from_outside: &[&str]) -> Result<(), Denial> {
        for variable in changing(&self.plan.assignments) {
            if rules.find(&Subject::new(&[], &[]), &[variable]).is_none() {
                return deny(
                    DenyCode::EnvironmentNotAllowed,
                    format!(
                        "`{}` changes what runs, and no rule names it",
                        variable.name
                    ),
                );
            }
        }
        if let Some(name) = from_outside
            .iter()
            .find(|name| changes_what_runs(name) && !rules.names_variable(name))
        {
            return deny(
                DenyCode::EnvironmentNotAllowed,
                format!("the variable `{name}` changes what runs, and no rule names it"),
            );
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), Denial> {
        let Some(files) = &self.authority.files else {
            return Ok(());
        };
        for redirection in self
            .plan
            .redirections
            .iter()
            .filter(|redirection| redirection.writes())
        {
            let target = redirection.target.pattern();
            let allowed = HARMLESS_FILES.contains(&target)
                || (!climbs(target) && files.find_text(target).is_some());
            if !allowed {
                return deny(
                    DenyCode::FileNotAllowed,
                    format!(
                        "no file rule allows writing `{}`",
                        redirection.target.source()
                    ),
                );
            }
        }
        Ok(())
    }
}

fn unknown(command: &SimpleCommand) -> String {
    let shown = command.canonical();
    if command.hidden {
        let what = shown.trim_start_matches('<').trim_end_matches('>');
        format!("the line would run {what}, which cannot be judged before it runs")
    } else {
        format!("what `{shown}` runs is not known before it runs")
    }
}

/// A command with the rule that allows it.
#[derive(Clone, Copy)]
struct Covered<'r> {
    rule: &'r Rule,
    /// Index of the command that the rule matched.
    outermost: usize,
    /// Index of this command's first word among that command's words.
    offset: Option<usize>,
}

fn changing(assignments: &[Assigned]) -> Vec<&Assigned> {
    assignments
        .iter()
        .filter(|assigned| changes_what_runs(&assigned.name))
        .collect()
}

/// Whether a path can leave the folder that its text names.
fn climbs(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}
