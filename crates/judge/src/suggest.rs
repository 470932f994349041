//! Learning: the smallest rules that cover what was seen.
//!
//! A `*` of a rule matches any run of characters, so a rule with one always allows
//! more than was seen. What is suggested is therefore literal: it allows exactly what
//! ran before. Only file rules are widened, to one folder, where several files lay in
//! it: in canonical paths a star cannot leave a folder upwards.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::argument::Argument;
use crate::authority::{Authority, Sudo};
use crate::decide::judge;
use crate::path_rules::is_canonical;
use crate::plan::{Plan, SimpleCommand};
use crate::rule::RuleSet;
use crate::verdict::Decision;

/// Files beneath one folder from which on the folder is suggested.
const FOLDER_FROM: usize = 3;
/// Least depth of a suggested folder: `/srv/app/*`, never `/srv/*`.
const FOLDER_DEPTH: usize = 2;

/// Rules that cover what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Command rules.
    pub commands: Vec<String>,
    /// What sudo ran.
    pub sudo: Vec<String>,
    /// File rules: what lines wrote, and what was moved.
    pub paths: Vec<String>,
    /// How many of the lines these rules allow, by the judge's own verdict.
    pub covered: usize,
    /// Lines that no literal rule covers, and why.
    pub uncovered: Vec<Uncovered>,
}

/// A line that the rules do not cover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uncovered {
    /// The line.
    pub line: String,
    /// Why.
    pub reason: String,
}

/// Suggests rules for lines that ran and canonical paths that were moved.
#[must_use]
pub fn suggest<L: AsRef<str>, P: AsRef<str>>(lines: &[L], moved: &[P]) -> Suggestion {
    let lines: BTreeSet<&str> = lines.iter().map(AsRef::as_ref).collect();
    let mut commands = BTreeSet::new();
    let mut sudo = BTreeSet::new();
    let mut files: BTreeSet<String> = moved
        .iter()
        .map(AsRef::as_ref)
        .filter(|path| is_rule_safe(path))
        .map(str::to_owned)
        .collect();
    let mut uncovered = Vec::new();
    let mut readable = Vec::new();
    for line in lines {
        let plan = Plan::read(line);
        match rules_of(&plan) {
            Ok(rules) => {
                for (rule, privileged) in rules {
                    if privileged {
                        sudo.insert(rule.clone());
                    }
                    commands.insert(rule);
                }
                let writes = plan.redirections.iter().filter(|to| to.writes());
                files.extend(
                    writes
                        .filter_map(|to| to.target.as_static())
                        .filter(|path| is_rule_safe(path))
                        .map(str::to_owned),
                );
                readable.push((line, plan));
            }
            Err(reason) => uncovered.push(Uncovered {
                line: line.to_owned(),
                reason,
            }),
        }
    }
    let mut suggestion = Suggestion {
        commands: commands.into_iter().collect(),
        sudo: sudo.into_iter().collect(),
        paths: folded(&files),
        covered: 0,
        uncovered,
    };
    suggestion.verify(&readable);
    suggestion
}

impl Suggestion {
    /// Judges every line again under the suggested rules.
    fn verify(&mut self, lines: &[(&str, Plan)]) {
        let compiled = (
            RuleSet::compile(&self.commands),
            RuleSet::compile_paths(&self.paths),
            RuleSet::compile(&self.sudo),
        );
        let (Ok(commands), Ok(files), Ok(sudo)) = compiled else {
            let all = lines.iter().map(|(line, _)| Uncovered {
                line: (*line).to_owned(),
                reason: "there would be too many rules, or too long ones".to_owned(),
            });
            self.uncovered.extend(all);
            return;
        };
        let authority = Authority {
            commands: Some(commands),
            files: (!self.paths.is_empty()).then_some(files),
            sudo: Sudo::Policies(sudo),
            ..Authority::default()
        };
        for (line, plan) in lines {
            match judge(plan, &authority, &[] as &[&str]).decision {
                Decision::Allow => self.covered += 1,
                Decision::Deny { reason, .. } | Decision::Hold { reason } => {
                    self.uncovered.push(Uncovered {
                        line: (*line).to_owned(),
                        reason,
                    });
                }
            }
        }
    }
}

/// A literal rule for each command of a plan, and whether sudo runs it; or why there
/// is none.
fn rules_of(plan: &Plan) -> Result<Vec<(String, bool)>, String> {
    if let Some(problem) = &plan.problem {
        return Err(format!("it cannot be read with certainty: {problem}"));
    }
    plan.commands
        .iter()
        .map(|command| Ok((rule_of(command)?, command.is_privileged())))
        .collect()
}

fn rule_of(command: &SimpleCommand) -> Result<String, String> {
    let shown = command.canonical();
    if command.hidden {
        return Err(format!("what it runs is not in the line: {shown}"));
    }
    if command.words.iter().any(Argument::is_dynamic) {
        return Err(format!("only the shell knows the words of `{shown}`"));
    }
    // In a rule it would be a pattern.
    if shown.contains('*') {
        return Err(format!(
            "`{shown}` has a star in it, which a rule takes for a pattern"
        ));
    }
    Ok(shown)
}

fn is_rule_safe(path: &str) -> bool {
    is_canonical(path) && !path.contains('*') && !path.contains(char::is_control)
}

/// Files, and in their stead a folder where enough of them lie directly in it.
fn folded(files: &BTreeSet<String>) -> Vec<String> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders.entry(folder).or_default().push(file);
    }
    let mut rules = Vec::new();
    for (folder, files) in folders {
        let depth = folder.split('/').filter(|part| !part.is_empty()).count();
        if files.len() >= FOLDER_FROM && depth >= FOLDER_DEPTH && !is_sensitive(folder) {
            rules.push(format!("{folder}/*"));
        } else {
            rules.extend(files.into_iter().map(str::to_owned));
        }
    }
    rules
}

/// Folders in which one file more can mean one right more.
fn is_sensitive(folder: &str) -> bool {
    const ROOTS: [&str; 10] = [
        "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/root", "/proc", "/sys",
    ];
    let beneath = |root: &&str| {
        folder
            .strip_prefix(*root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    ROOTS.iter().any(beneath)
        || folder
            .split('/')
            .any(|part| part.starts_with('.') && part.len() > 1)
        || folder.starts_with("/var/spool/cron")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn what_ran_is_covered_and_nothing_else() {
        let lines = [
            "git status",
            "git  status",
            "docker ps | grep web",
            "sudo systemctl restart nginx",
            "echo hi > /srv/app/log",
        ];
        let found = suggest(&lines, &NONE);
        assert_eq!(
            found.commands,
            [
                "docker ps",
                "echo hi",
                "git status",
                "grep web",
                "sudo systemctl restart nginx",
                "systemctl restart nginx"
            ]
        );
        assert_eq!(found.sudo, ["systemctl restart nginx"]);
        assert_eq!(found.paths, ["/srv/app/log"]);
        assert_eq!((found.covered, found.uncovered.len()), (5, 0));
    }

    #[test]
    fn what_no_literal_rule_covers_is_said() {
        let found = suggest(
            &["ls $DIR", "find . -name '*.log'", "curl x | sh", "if"],
            &NONE,
        );
        assert_eq!(found.covered, 0);
        assert_eq!(found.uncovered.len(), 4, "{:?}", found.uncovered);
        assert!(found.commands.iter().all(|rule| !rule.contains('*')));
    }

    #[test]
    fn folders_stand_for_several_files_where_that_is_harmless() {
        let found = |paths: &[&str]| suggest(&NONE, paths).paths;
        assert_eq!(
            found(&["/srv/app/a", "/srv/app/b"]),
            ["/srv/app/a", "/srv/app/b"]
        );
        assert_eq!(
            found(&["/srv/app/a", "/srv/app/b", "/srv/app/c"]),
            ["/srv/app/*"]
        );
        for folder in [
            "/srv",
            "/etc/nginx",
            "/root/x",
            "/home/a/.ssh",
            "/var/spool/cron/x",
        ] {
            let files = ["a", "b", "c", "d"].map(|name| format!("{folder}/{name}"));
            assert_eq!(suggest(&NONE, &files).paths, files, "{folder}");
        }
        assert!(found(&["/srv/../etc/x", "relative", "/srv/a*"]).is_empty());
    }

    proptest! {
        #[test]
        fn suggested_command_rules_have_no_star(lines in prop::collection::vec("[a-z*$>|;' /.-]{0,24}", 0..6)) {
            let found = suggest(&lines, &NONE);
            let rules = found.commands.iter().chain(&found.sudo);
            prop_assert!(rules.clone().all(|rule| !rule.contains('*')));
            let distinct: BTreeSet<_> = lines.iter().collect();
            prop_assert_eq!(found.covered + found.uncovered.len(), distinct.len());
        }
    }
}
