//! What the exec guard is told and what it tells (`judgment.md` §6.3): the policy
//! that an order carries, the programs that a tree starts, and the level of
//! enforcement that was reached.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::{CommandId, WorkSessionId};
use crate::server::ServerSummary;

/// Folders whose programs a rule may name without their folder, where a policy
/// names no others.
pub const TRUSTED_FOLDERS: [&str; 6] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
];

/// Seconds that a held program waits where a policy says nothing.
pub const HOLD_SECONDS: u32 = 300;

/// What an order carries for the guard. Members it does not know make the
/// document unreadable: they may be restrictions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What is done about a program that is not allowed.
    pub mode: Mode,
    /// Which programs are judged.
    pub depth: Depth,
    /// Command rules, globs over whole commands (`judgment.md` §3). Absent: there
    /// is no allow-list, and every program may run. Empty: none may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// More allow-lists, each of which has to allow a program as well: a token's
    /// rules beside a session's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further_commands: Vec<Vec<String>>,
    /// Folders whose programs a rule may name without their folder.
    pub trusted_folders: Vec<String>,
    /// More helpers: what a program may start without a rule of its own. A helper
    /// is a base name, or a folder followed by `/*`.
    pub helpers: BTreeMap<String, Vec<String>>,
    /// Whether the tree may make mount and user namespaces or enter others.
    pub allow_namespaces: bool,
    /// Whether set-user-ID programs such as `sudo` gain nothing. Without it the
    /// guard has to be root.
    pub no_new_privileges: bool,
    /// Globs of files that the tree may write, held by the kernel where it can.
    /// Absent: no file rule exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
    /// TCP ports that the tree may connect to, held by the kernel where it can.
    /// Absent: no port rule exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<u16>>,
    /// Most processes of the tree at once, where there is a control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_processes: Option<u32>,
    /// Most memory of the tree in bytes, where there is a control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
    /// Seconds that a held program waits for an answer, after which it is denied.
    pub hold_seconds: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            depth: Depth::default(),
            commands: None,
            further_commands: Vec::new(),
            trusted_folders: TRUSTED_FOLDERS.map(str::to_owned).to_vec(),
            helpers: BTreeMap::new(),
            allow_namespaces: false,
            no_new_privileges: true,
            files: None,
            ports: None,
            max_processes: None,
            max_memory: None,
            hold_seconds: HOLD_SECONDS,
        }
    }
}

/// What is done about a program that is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing: programs are recorded.
    Observe,
    /// It is killed before its first instruction.
    #[default]
    Enforce,
    /// It stays frozen before its first instruction until somebody answers.
    Hold,
}

/// Which programs are judged. The shell that was asked for is not: its line was
/// judged before it came here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// What the first shell or line starts.
    Top,
    /// Also what any shell below it starts.
    Shells,
    /// Everything, except the helpers of allowed programs.
    #[default]
    All,
}

/// What may be claimed about a tree (`judgment.md` §6.5), the least first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nobody watches.
    #[default]
    None,
    /// Programs are recorded, and a session that means harm could hide some.
    Observed,
    /// Programs are judged, and the session cannot reach its guard.
    Enforced,
    /// Enforced, and the kernel itself holds the file and port rules.
    Confined,
}

impl Level {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Observed => "observed",
            Self::Enforced => "enforced",
            Self::Confined => "confined",
        }
    }

    /// The level named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::None, Self::Observed, Self::Enforced, Self::Confined]
            .into_iter()
            .find(|level| level.as_str() == word)
    }
}

/// Parts of the floor below the judge (`judgment.md` §6.4).
pub mod floor {
    /// Set-user-ID programs gain nothing.
    pub const NO_NEW_PRIVILEGES: &str = "no_new_privileges";
    /// File and port rules are held by Landlock.
    pub const LANDLOCK: &str = "landlock";
    /// The tree has a control group of its own, and its bounds are in force.
    pub const CGROUP: &str = "cgroup";
}

/// A program started, was held, or was kept from starting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Program {
    /// Its number in its tree, from 1.
    #[serde(default)]
    pub seq: i64,
    /// When it was judged.
    pub time: DateTime<Utc>,
    /// Its process.
    pub pid: i32,
    /// The parent process.
    pub ppid: i32,
    /// Real user.
    pub uid: u32,
    /// The file that was loaded, as the kernel names it.
    pub exe: String,
    /// SHA-256 of that file in lowercase hex; absent where it cannot be read.
    pub sha256: Option<String>,
    /// Arguments, beginning with the program's name; cut at 32 KiB.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// What was done.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why it was denied or held, or why no rule was asked.
    pub reason: Option<String>,
    /// How many allowed programs before this one were counted but not written,
    /// because too many started at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub folded: u64,
    /// How it ended, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ProgramEnd>,
}

/// A program that waits for an answer, with what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldProgram {
    /// The command that started it.
    pub command: CommandId,
    /// The line of that.
    pub line: String,
    /// The account it runs as.
    pub username: String,
    /// Where.
    pub server: ServerSummary,
    /// Who submitted the command.
    pub requested_by: Option<UserSummary>,
    /// In which session.
    pub work_session: Option<WorkSessionId>,
    /// What waits.
    pub program: Program,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgramEnd {
    /// Which, see [`Program::seq`].
    pub seq: i64,
    /// When.
    pub time: DateTime<Utc>,
    /// Exit status. Neither this nor `signal`: its process loaded another program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

/// What was done about a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It ran.
    Allow,
    /// It was killed before its first instruction.
    Deny,
    /// It waits before its first instruction.
    Hold,
}

impl Verdict {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hold => "hold",
        }
    }

    /// The verdict named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Allow, Self::Deny, Self::Hold]
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
    }
}

/// The answer about a held program, `data` of the order `answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldAnswer {
    /// See [`Program::seq`].
    pub seq: i64,
    /// It may run.
    pub allow: bool,
    /// Who answered, for the user's terminal.
    #[serde(default)]
    pub by: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for level in [
            Level::None,
            Level::Observed,
            Level::Enforced,
            Level::Confined,
        ] {
            assert_eq!(Level::parse(level.as_str()), Some(level));
            assert_eq!(
                serde_json::to_value(level).unwrap(),
                serde_json::json!(level.as_str())
            );
        }
        assert!(Level::None < Level::Observed && Level::Enforced < Level::Confined);
        for verdict in [Verdict::Allow, Verdict::Deny, Verdict::Hold] {
            assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
        }
    }

    #[test]
    fn a_policy_reads_back() {
        let policy = Policy {
            commands: Some(vec!["git *".to_owned()]),
            further_commands: vec![vec!["*".to_owned()]],
            files: Some(vec!["/srv/*".to_owned()]),
            ports: Some(vec![443]),
            ..Policy::default()
        };
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }
}
