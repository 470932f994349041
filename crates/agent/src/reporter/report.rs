//! What is reported about a command (`agent-control.md` §10.3).

use protocol::agent::{Fin, REPORTS_PATH, Reject};
use protocol::guard::{Level, Program, ProgramEnd};
use serde::{Deserialize, Serialize};

/// A report. Its JSON form is that of [`protocol::agent::Report`]; only the id
/// is a text here, because other servers may use other ids than ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CommandReport {
    /// Which command.
    pub(crate) command: String,
    /// What about it.
    #[serde(flatten)]
    pub(crate) news: News,
}

/// The kinds of report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub(crate) enum News {
    /// We have it.
    Ack,
    /// Output.
    Chunk {
        /// From 0.
        seq: i64,
        /// Text.
        content: String,
    },
    /// It ended.
    Fin(Fin),
    /// We refuse it.
    Reject(Reject),
    /// How it is guarded.
    Guarded {
        /// What may be claimed.
        level: Level,
        /// Parts of the floor in force.
        floor: Vec<String>,
    },
    /// Programs that it started.
    Programs {
        /// Started, held or denied.
        started: Vec<Program>,
        /// Ended after they were told.
        ended: Vec<ProgramEnd>,
        /// Allowed ones that are only counted.
        folded: u64,
    },
}

impl CommandReport {
    /// The public endpoint and the JSON body for this report.
    ///
    /// # Errors
    /// Never in practice: the types hold nothing JSON cannot express.
    pub(crate) fn public_form(&self) -> Result<(String, Option<Vec<u8>>), serde_json::Error> {
        let (verb, body) = match &self.news {
            // Only servers that know of guards order them.
            News::Guarded { .. } | News::Programs { .. } => {
                return Ok((REPORTS_PATH.to_owned(), Some(serde_json::to_vec(&[self])?)));
            }
            News::Ack => ("ack", None),
            News::Chunk { seq, content } => {
                let body = serde_json::json!({ "seq": seq, "content": content });
                ("chunk", Some(serde_json::to_vec(&body)?))
            }
            News::Fin(fin) => ("fin", Some(serde_json::to_vec(fin)?)),
            News::Reject(reject) => ("reject", Some(serde_json::to_vec(reject)?)),
        };
        Ok((
            format!("/api/events/commands/{}/{verb}/", self.command),
            body,
        ))
    }

    /// The end of the command, which must not get lost.
    #[must_use]
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.news, News::Fin(_) | News::Reject(_))
    }

    /// Whether it can wait a moment for company.
    #[must_use]
    pub(crate) fn is_ack(&self) -> bool {
        matches!(self.news, News::Ack)
    }

    /// Memory it holds, about.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        let text = match &self.news {
            News::Ack => 0,
            News::Chunk { content, .. } => content.len(),
            News::Fin(fin) => fin.result.len(),
            News::Reject(reject) => reject.reason.len(),
            News::Guarded { .. } => 0,
            News::Programs { started, ended, .. } => {
                started.iter().map(weight).sum::<usize>() + 64 * ended.len()
            }
        };
        128 + self.command.len() + text
    }
}

/// Memory that a program's record holds, about.
pub(crate) fn weight(program: &Program) -> usize {
    256 + program.exe.len()
        + program.cwd.len()
        + program
            .argv
            .iter()
            .map(|word| 24 + word.len())
            .sum::<usize>()
        + program.reason.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use protocol::agent::Report;
    use protocol::id::CommandId;

    use super::*;

    #[test]
    fn has_the_wire_form_of_the_protocol() {
        let command = CommandId::new();
        let fin = Fin {
            success: true,
            result: "ok\n".into(),
            elapsed_time: 0.5,
            exit_code: 0,
            chunks: Some(1),
        };
        let ours = [
            News::Ack,
            News::Chunk {
                seq: 3,
                content: "x".into(),
            },
            News::Fin(fin.clone()),
            News::Reject(Reject {
                reason: "stale_order".into(),
            }),
            News::Guarded {
                level: Level::Observed,
                floor: vec!["cgroup".into()],
            },
        ]
        .map(|news| CommandReport {
            command: command.to_string(),
            news,
        });
        let theirs = [
            Report::Ack { command },
            Report::Chunk {
                command,
                seq: 3,
                content: "x".into(),
            },
            Report::Fin { command, fin },
            Report::Reject {
                command,
                reason: "stale_order".into(),
            },
            Report::Guarded {
                command,
                level: Level::Observed,
                floor: vec!["cgroup".into()],
            },
        ];
        let text = serde_json::to_string(&ours).unwrap();
        let read: Vec<Report> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, theirs);
        let back: Vec<CommandReport> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, ours);
    }

    #[test]
    fn has_the_public_endpoints() {
        let report = CommandReport {
            command: "c1".into(),
            news: News::Ack,
        };
        let (path, body) = report.public_form().unwrap();
        assert_eq!(path, "/api/events/commands/c1/ack/");
        assert_eq!(body, None);
    }
}
