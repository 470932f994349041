//! Commands that run other commands (`judgment.md` §3). What they run is judged
//! as well; where it cannot be seen, that is said.

mod batch;
mod builtins;
mod containers;
mod launchers;
mod options;
mod privilege;
mod remote;
mod search;
mod shells;

use crate::{
    argument::Argument,
    plan::{Assigned, base_name},
};

/// One thing that a wrapper runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// A command made of words.
    Words {
        words: Vec<Argument>,
        assignments: Vec<Assigned>,
        /// Index of its first word among the wrapper's words, if it is one.
        at: Option<usize>,
        /// Runs as another user.
        privileged: bool,
    },
    /// A line for a shell.
    Script {
        text: String,
        /// The text is part of the wrapper's words, not of its input.
        in_words: bool,
        privileged: bool,
    },
    /// Something that is not in the line.
    Hidden {
        what: &'static str,
        privileged: bool,
    },
}

impl Inner {
    fn words(words: &[Argument], at: usize) -> Self {
        let slice = words.get(at..).unwrap_or_default().to_vec();
        Self::Words {
            words: slice,
            assignments: Vec::new(),
            at: Some(at),
            privileged: false,
        }
    }

    fn hidden(what: &'static str) -> Self {
        Self::Hidden {
            what,
            privileged: false,
        }
    }

    /// A word that a shell parses again.
    fn script(word: &Argument) -> Self {
        match word.as_static() {
            Some(text) => Self::Script {
                text: text.to_owned(),
                in_words: true,
                privileged: false,
            },
            None => Self::hidden("a script that is not known before it runs"),
        }
    }

    /// Words that are joined by spaces and parsed again.
    fn joined(words: &[Argument]) -> Self {
        let known: Option<Vec<&str>> = words.iter().map(Argument::as_static).collect();
        match known {
            Some(texts) => Self::Script {
                text: texts.join(" "),
                in_words: true,
                privileged: false,
            },
            None => Self::hidden("a script that is not known before it runs"),
        }
    }

    fn into_privileged(mut self) -> Self {
        match &mut self {
            Self::Words { privileged, .. }
            | Self::Script { privileged, .. }
            | Self::Hidden { privileged, .. } => *privileged = true,
        }
        self
    }
}

/// What a command reads from its standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Input {
    /// Whatever the line got.
    #[default]
    Inherited,
    /// A here-document or here-string without expansions.
    Text(String),
    /// A pipe, a file, or text with expansions.
    Other,
}

/// What `words` run besides themselves. Empty for a command that is no wrapper.
pub(crate) fn unwrap(words: &[Argument], input: &Input) -> Vec<Inner> {
    let Some(name) = words.first().and_then(Argument::as_static).map(base_name) else {
        return Vec::new();
    };
    match name {
        "sudo" => privilege::sudo(words),
        "doas" => privilege::doas(words),
        "su" => privilege::su(words),
        "runuser" => privilege::runuser(words),
        "pkexec" | "run0" => privilege::pkexec(words),
        "sudoedit" => vec![Inner::hidden("an editor").into_privileged()],
        "env" => launchers::env(words),
        "flock" => launchers::flock(words),
        "script" => launchers::script(words),
        "watch" => launchers::watch(words),
        "busybox" | "toybox" => launchers::busybox(words),
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "rbash" | "mksh" => {
            shells::shell(words, name, input)
        }
        "fish" | "csh" | "tcsh" | "pwsh" | "nu" | "xonsh" | "elvish" => shells::foreign(words),
        "eval" => builtins::eval(words),
        "trap" => builtins::trap(words),
        "exec" | "command" | "builtin" => builtins::transparent(words, name),
        "." | "source" => builtins::source(words),
        "alias" => builtins::alias(words),
        "mapfile" | "readarray" | "complete" | "compgen" | "bind" | "fc" | "enable" => {
            builtins::with_code(words, name)
        }
        "find" => search::find(words),
        "xargs" => search::xargs(words),
        "parallel" | "sem" => search::parallel(words),
        "ssh" => remote::ssh(words),
        "ip" => containers::netns(words),
        "lxc" | "incus" | "crictl" => containers::after_dashes(words),
        "docker" | "podman" | "nerdctl" => containers::docker(words),
        "kubectl" | "oc" => containers::kubectl(words),
        "at" | "batch" => batch::at(words, input),
        "crontab" => batch::crontab(words, input),
        _ if is_loader(name) => launchers::loader(words),
        _ => launchers::simple(words, name),
    }
}

/// `ld-linux-x86-64.so.2`, `ld.so`, `ld-musl-x86_64.so.1`.
fn is_loader(name: &str) -> bool {
    name == "ld.so" || (name.starts_with("ld-") && name.contains(".so"))
}
