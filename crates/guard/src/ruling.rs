//! Whether a loaded program may run.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use judge::{Authority, Decision, Plan, changes_what_runs};
use protocol::guard::{Depth, Mode, Policy, Verdict};

use crate::helpers::Helpers;
use crate::identity::{Identity, base, identify};
use crate::image::Loaded;
use crate::launch::Launch;
use crate::policy::{PolicyError, authorities};
use crate::tree::{Handover, Running};

/// Programs that run what their user types.
const SHELLS: [&str; 13] = [
    "sh", "bash", "dash", "ash", "rbash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox",
    "toybox",
];

/// A policy, ready to rule.
#[derive(Debug)]
pub(crate) struct Bench {
    mode: Mode,
    depth: Depth,
    /// Each of them has to allow a program; none: everything may run.
    authorities: Vec<Authority>,
    trusted_folders: Vec<String>,
    helpers: Helpers,
    /// The environment that the tree was started with.
    environment: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What is done about a program.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub(crate) verdict: Verdict,
    pub(crate) rule: Option<String>,
    pub(crate) reason: Option<String>,
    /// What the process runs from now on, if it may.
    pub(crate) running: Running,
}

/// Why a program may run.
struct Grant {
    rule: Option<String>,
    reason: Option<String>,
    /// It goes on under the names of its starter, besides its own.
    keeps_names: bool,
}

impl Bench {
    pub(crate) fn new(policy: &Policy, launch: &Launch) -> Result<Self, PolicyError> {
        Ok(Self {
            mode: policy.mode,
            depth: policy.depth,
            authorities: authorities(policy)?,
            trusted_folders: policy.trusted_folders.clone(),
            helpers: Helpers::new(policy),
            environment: (launch.env.iter())
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
        })
    }

    /// Whether rulings look at the environment of a program.
    pub(crate) fn needs_environment(&self) -> bool {
        !self.authorities.is_empty()
    }

    /// Rules about a program that `starter` has loaded.
    pub(crate) fn rule(&self, loaded: &Loaded, starter: &Running) -> Ruling {
        let identity = identify(loaded, &self.trusted_folders);
        let answer = self.decide(loaded, starter, &identity);
        let is_shell = is_shell(loaded);
        let first_shell = starter.is_new && is_shell && self.is_trusted(&identity);
        let mut names = self.names(&identity);
        let handover = answer
            .as_ref()
            .ok()
            .and_then(|grant| handover(loaded, identity.as_ref().ok()?, grant));
        if matches!(&answer, Ok(grant) if grant.keeps_names) {
            names.extend(starter.names.iter().cloned());
        }
        let running = Running {
            level: if first_shell { 0 } else { starter.level + 1 },
            is_new: false,
            is_shell,
            names,
            handover,
        };
        let (verdict, rule, reason) = match answer {
            Ok(grant) => (Verdict::Allow, grant.rule, grant.reason),
            Err(reason) if self.mode == Mode::Observe => {
                let reason = format!("observed only, would be denied: {reason}");
                (Verdict::Allow, None, Some(reason))
            }
            Err(reason) if self.mode == Mode::Hold => (Verdict::Hold, None, Some(reason)),
            Err(reason) => (Verdict::Deny, None, Some(reason)),
        };
        Ruling {
            verdict,
            rule,
            reason,
            running,
        }
    }

    fn decide(
        &self,
        loaded: &Loaded,
        starter: &Running,
        identity: &Result<Identity, String>,
    ) -> Result<Grant, String> {
        if self.authorities.is_empty() {
            return Ok(Grant::because("there is no allow-list"));
        }
        if starter.is_new && is_shell(loaded) && self.is_trusted(identity) {
            return Ok(Grant::because("the shell that was asked for"));
        }
        let judged = match self.depth {
            Depth::Top => starter.level == 0,
            Depth::Shells => starter.level == 0 || starter.is_shell,
            Depth::All => true,
        };
        if !judged {
            return Ok(Grant::because("not judged at this depth"));
        }
        if loaded.cut {
            return Err("its arguments or variables cannot be read in full".to_owned());
        }
        let identity = identity.as_ref().map_err(Clone::clone)?;
        let changed = self.changed(loaded)?;
        for path in &identity.paths {
            let helper = self.helpers.find(&starter.names, path);
            let own = |name: &str| {
                helper.is_some_and(|sets| sets.iter().any(|prefix| name.starts_with(prefix)))
            };
            if helper.is_some() && changed.iter().all(|(name, _)| own(name)) {
                return Ok(Grant {
                    rule: None,
                    reason: Some(format!("a helper of {}", starter.names.join(", "))),
                    keeps_names: true,
                });
            }
        }
        if let Some(handover) = &starter.handover
            && handover.argv == loaded.argv
            && self.is_trusted(&Ok(identity.clone()))
            && changed.is_empty()
        {
            return Ok(Grant {
                rule: handover.rule.clone(),
                reason: Some("the interpreter of an allowed script".to_owned()),
                keeps_names: true,
            });
        }
        let plans: Vec<Plan> = (identity.paths.iter())
            .map(|path| Plan::read(&line(&changed, path, loaded, identity.skip)))
            .collect();
        let mut rule = None;
        for authority in &self.authorities {
            let allowed = judged_by(authority, &plans)?;
            rule = rule.or(allowed);
        }
        Ok(Grant {
            rule,
            reason: None,
            keeps_names: false,
        })
    }

    /// Variables that change what runs and are not as the tree was started.
    ///
    /// # Errors
    /// Where one of them cannot be named in a rule.
    fn changed<'l>(&self, loaded: &'l Loaded) -> Result<Vec<(&'l str, &'l str)>, String> {
        let mut changed = Vec::new();
        for entry in &loaded.environment {
            let at = entry.iter().position(|byte| *byte == b'=');
            let (name, value) = entry.split_at(at.unwrap_or(entry.len()));
            let value = value.strip_prefix(b"=").unwrap_or_default();
            if self
                .environment
                .get(name)
                .is_some_and(|known| known == value)
                || !changes_what_runs(&String::from_utf8_lossy(name))
            {
                continue;
            }
            match (std::str::from_utf8(name), std::str::from_utf8(value)) {
                (Ok(name), Ok(value)) if is_identifier(name) => changed.push((name, value)),
                _ => {
                    let name = String::from_utf8_lossy(name).into_owned();
                    return Err(format!("the variable `{name}` changes what runs"));
                }
            }
        }
        Ok(changed)
    }

    fn is_trusted(&self, identity: &Result<Identity, String>) -> bool {
        !self.names(identity).is_empty()
    }

    /// Base names of those of its paths that stand in trusted folders or are
    /// helpers' own.
    fn names(&self, identity: &Result<Identity, String>) -> Vec<String> {
        let paths = identity.as_ref().map(|identity| identity.paths.as_slice());
        let mut names: Vec<String> = paths
            .unwrap_or_default()
            .iter()
            .filter(|path| {
                path.rsplit_once('/').is_some_and(|(folder, _)| {
                    self.trusted_folders.iter().any(|known| known == folder)
                })
            })
            .map(|path| base(path).to_owned())
            .collect();
        names.dedup();
        names
    }
}

/// The rule of an allow-list that allows a program under any of its names.
///
/// # Errors
/// Why it does not, by the likeliest name.
fn judged_by(authority: &Authority, plans: &[Plan]) -> Result<Option<String>, String> {
    let mut refusal = None;
    for plan in plans {
        let verdict = judge::judge(plan, authority, &[] as &[&str]);
        match verdict.decision {
            Decision::Allow => return Ok(verdict.rule),
            Decision::Deny { reason, .. } | Decision::Hold { reason } => {
                refusal.get_or_insert(reason);
            }
        }
    }
    Err(refusal.unwrap_or_else(|| "no rule allows it".to_owned()))
}

impl Grant {
    fn because(reason: &str) -> Self {
        Self {
            rule: None,
            reason: Some(reason.to_owned()),
            keeps_names: false,
        }
    }
}

/// `env program script …` was loaded for an allowed script: what comes next is
/// known to the letter.
fn handover(loaded: &Loaded, identity: &Identity, grant: &Grant) -> Option<Handover> {
    let by_env = identity.skip == 3 && loaded.called().map(base) == Some("env");
    let program = loaded.argv.get(1)?;
    let is_plain = !program.is_empty()
        && program
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._+".contains(byte));
    (by_env && is_plain).then(|| Handover {
        argv: loaded.argv.iter().skip(1).cloned().collect(),
        rule: grant.rule.clone(),
    })
}

/// By any of its names: who pretends to be a shell is judged like one.
fn is_shell(loaded: &Loaded) -> bool {
    let file = loaded.exe.as_deref().and_then(|path| path.to_str());
    [file, loaded.called()]
        .into_iter()
        .flatten()
        .any(|name| SHELLS.contains(&base(name)))
}

/// The command as a line that the judge reads back into exactly these words.
fn line(changed: &[(&str, &str)], path: &str, loaded: &Loaded, skip: usize) -> String {
    let mut line = String::new();
    for (name, value) in changed {
        line.push_str(name);
        line.push('=');
        push_quoted(&mut line, value);
        line.push(' ');
    }
    push_quoted(&mut line, path);
    for word in loaded.argv.iter().skip(skip) {
        line.push(' ');
        push_quoted(&mut line, &String::from_utf8_lossy(word));
    }
    line
}

fn push_quoted(line: &mut String, text: &str) {
    line.push('\'');
    line.push_str(&text.replace('\'', r"'\''"));
    line.push('\'');
}

fn is_identifier(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::digest::FileId;

    fn bench(rules: &[&str], depth: Depth) -> Bench {
        let policy = Policy {
            commands: Some(rules.iter().map(|rule| (*rule).to_owned()).collect()),
            depth,
            ..Policy::default()
        };
        let mut launch = Launch::new(vec!["sh".into()]);
        launch.env = [("PATH".into(), "/usr/bin".into())].into();
        Bench::new(&policy, &launch).unwrap()
    }

    fn loaded(exe: &str, argv: &[&str], env: &[&str]) -> Loaded {
        let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        Loaded {
            exe: Some(fs::canonicalize(exe).unwrap()),
            file: fs::metadata(exe).ok().map(|found| FileId::of(&found)),
            argv: bytes(argv),
            environment: bytes(env),
            ..Loaded::default()
        }
    }

    fn verdict(bench: &Bench, loaded: &Loaded, starter: &Running) -> Verdict {
        bench.rule(loaded, starter).verdict
    }

    #[test]
    fn words_are_judged_as_they_were_passed() {
        let bench = bench(&["env a*", "env 'x y'"], Depth::All);
        let may = |argv: &[&str]| {
            verdict(
                &bench,
                &loaded("/usr/bin/env", argv, &[]),
                &Running::unknown(),
            )
        };
        // `env a` would run `a`, which no rule allows on its own.
        assert_eq!(may(&["env", "ls"]), Verdict::Deny);
        assert_eq!(may(&["env"]), Verdict::Deny);
        let bench = self::bench(&["ls *", "ls"], Depth::All);
        let list = |argv: &[&str]| {
            verdict(
                &bench,
                &loaded("/usr/bin/ls", argv, &[]),
                &Running::unknown(),
            )
        };
        assert_eq!(
            list(&["ls", "it's; rm -rf /", "$(x)", "a\nb"]),
            Verdict::Allow
        );
        assert_eq!(list(&["/usr/bin/ls"]), Verdict::Allow);
        assert_eq!(list(&["cat"]), Verdict::Deny);
    }

    #[test]
    fn changed_variables_need_a_rule() {
        let bench = bench(&["ls", "LESS=* ls"], Depth::All);
        let with = |env: &[&str]| {
            verdict(
                &bench,
                &loaded("/usr/bin/ls", &["ls"], env),
                &Running::unknown(),
            )
        };
        assert_eq!(with(&["PATH=/usr/bin", "COLUMNS=80"]), Verdict::Allow);
        assert_eq!(with(&["PATH=/tmp"]), Verdict::Deny);
        assert_eq!(with(&["PATH=/usr/bin", "PATH=/tmp"]), Verdict::Deny);
        assert_eq!(with(&["LD_PRELOAD=/tmp/x.so"]), Verdict::Deny);
        assert_eq!(with(&["BASH_FUNC_ls%%=() { x; }"]), Verdict::Deny);
        assert_eq!(with(&["LESS=-R"]), Verdict::Allow);
    }

    #[test]
    fn depth_says_who_is_judged() {
        let program = loaded("/usr/bin/ls", &["ls"], &[]);
        let starter = |level, is_shell| Running {
            level,
            is_shell,
            ..Running::unknown()
        };
        for (depth, level, is_shell, expected) in [
            (Depth::Top, 0, true, Verdict::Deny),
            (Depth::Top, 1, true, Verdict::Allow),
            (Depth::Shells, 2, true, Verdict::Deny),
            (Depth::Shells, 2, false, Verdict::Allow),
            (Depth::All, 2, false, Verdict::Deny),
        ] {
            let given = verdict(&bench(&[], depth), &program, &starter(level, is_shell));
            assert_eq!(given, expected, "{depth:?} {level} {is_shell}");
        }
    }

    #[test]
    fn only_the_first_shell_is_free() {
        let bench = bench(&[], Depth::All);
        let shell = loaded("/bin/sh", &["sh", "-c", "true"], &[]);
        let first = bench.rule(&shell, &Running::line());
        assert_eq!(first.verdict, Verdict::Allow);
        assert_eq!(first.running.level, 0);
        assert_eq!(verdict(&bench, &shell, &first.running), Verdict::Deny);
        let tool = loaded("/usr/bin/ls", &["ls"], &[]);
        assert_eq!(verdict(&bench, &tool, &Running::line()), Verdict::Deny);
    }
}
