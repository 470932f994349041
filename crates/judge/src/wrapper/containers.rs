//! Commands inside containers: docker, podman and kubectl `exec`.

use crate::{
    argument::Argument,
    wrapper::{
        Inner, launchers,
        options::{Syntax, scan},
    },
};

const GLOBAL: Syntax = Syntax {
    flags: "DvrP",
    valued: "Hclp",
    optional: "",
    long_flags: &[
        "debug",
        "tls",
        "tlsverify",
        "version",
        "help",
        "remote",
        "verbose",
        "ansi",
    ],
    long_valued: &[
        "host",
        "context",
        "config",
        "log-level",
        "tlscacert",
        "tlscert",
        "tlskey",
        "url",
        "connection",
        "identity",
        "root",
        "runroot",
        "storage-driver",
        "cgroup-manager",
        "namespace",
        "address",
        "file",
        "project-name",
        "env-file",
        "profile",
        "project-directory",
    ],
};

const EXEC: Syntax = Syntax {
    flags: "ditlT",
    valued: "eunw",
    optional: "",
    long_flags: &[
        "detach",
        "interactive",
        "tty",
        "privileged",
        "latest",
        "no-TTY",
        "help",
    ],
    long_valued: &[
        "env",
        "env-file",
        "user",
        "workdir",
        "detach-keys",
        "preserve-fds",
        "index",
    ],
};

/// `docker [options] [container|compose] exec [options] container command…`
pub(super) fn docker(words: &[Argument]) -> Vec<Inner> {
    let Ok(global) = scan(words, 1, &GLOBAL) else {
        return unclear_exec(words);
    };
    let mut verb = global.rest;
    match words.get(verb).and_then(Argument::as_static) {
        Some("container") => verb += 1,
        Some("compose") => {
            let Ok(options) = scan(words, verb + 1, &COMPOSE) else {
                return unclear_exec(words);
            };
            verb = options.rest;
        }
        _ => {}
    }
    let Some(word) = words.get(verb) else {
        return Vec::new();
    };
    match word.as_static() {
        Some("exec") => {}
        None => return unclear_exec(words),
        Some(_) => return Vec::new(),
    }
    let Ok(options) = scan(words, verb + 1, &EXEC) else {
        return hidden();
    };
    match words.get(options.rest) {
        Some(container) if container.splits() => hidden(),
        _ => launchers::after(words, options.rest + 1, false),
    }
}

const COMPOSE: Syntax = Syntax {
    flags: "",
    valued: "fp",
    optional: "",
    long_flags: &["all-resources", "compatibility", "dry-run", "help"],
    long_valued: &[
        "file",
        "project-name",
        "env-file",
        "profile",
        "project-directory",
        "ansi",
        "parallel",
        "progress",
    ],
};

const KUBECTL: Syntax = Syntax {
    flags: "itq",
    valued: "ncsfv",
    optional: "",
    long_flags: &[
        "stdin",
        "tty",
        "quiet",
        "insecure-skip-tls-verify",
        "match-server-version",
        "warnings-as-errors",
        "help",
    ],
    long_valued: &[
        "namespace",
        "container",
        "server",
        "filename",
        "context",
        "kubeconfig",
        "cluster",
        "user",
        "token",
        "as",
        "as-group",
        "as-uid",
        "cache-dir",
        "certificate-authority",
        "client-certificate",
        "client-key",
        "request-timeout",
        "tls-server-name",
        "pod-running-timeout",
        "password",
        "username",
        "log-flush-frequency",
    ],
};

/// `kubectl exec pod [options] -- command…`; options may stand anywhere before
/// the `--`, and older versions take the command without it.
pub(super) fn kubectl(words: &[Argument]) -> Vec<Inner> {
    let Ok(global) = scan(words, 1, &KUBECTL) else {
        return unclear_exec(words);
    };
    match words.get(global.rest).map(Argument::as_static) {
        Some(Some("exec")) => {}
        Some(None) => return unclear_exec(words),
        _ => return Vec::new(),
    }
    let dashes = words.iter().position(|word| word.as_static() == Some("--"));
    if let Some(at) = dashes {
        return launchers::after(words, at + 1, false);
    }
    let Ok(options) = scan(words, global.rest + 1, &KUBECTL) else {
        return hidden();
    };
    let Ok(more) = scan(words, options.rest + 1, &KUBECTL) else {
        return hidden();
    };
    match words.get(options.rest) {
        Some(pod) if pod.splits() => hidden(),
        _ => launchers::after(words, more.rest, false),
    }
}

/// `ip netns exec name command…`
pub(super) fn netns(words: &[Argument]) -> Vec<Inner> {
    let is = |text: &'static str| move |word: &Argument| word.as_static() == Some(text);
    let netns = words
        .iter()
        .any(|word| matches!(word.as_static(), Some("netns" | "netn" | "net" | "vrf")));
    match words.iter().position(is("exec")) {
        Some(_) if words.iter().any(Argument::splits) => hidden(),
        Some(at) if netns => launchers::after(words, at + 2, false),
        _ => Vec::new(),
    }
}

/// `lxc exec name -- command…`; without the dashes options are not told apart.
pub(super) fn after_dashes(words: &[Argument]) -> Vec<Inner> {
    if !words
        .iter()
        .any(|word| word.as_static().is_none_or(|text| text == "exec"))
    {
        return Vec::new();
    }
    match words.iter().position(|word| word.as_static() == Some("--")) {
        Some(at) => launchers::after(words, at + 1, false),
        None => hidden(),
    }
}

/// Options this table does not know: only a problem where `exec` follows.
fn unclear_exec(words: &[Argument]) -> Vec<Inner> {
    let may_exec = |word: &Argument| {
        word.as_static()
            .is_none_or(|text| text == "exec" || text == "compose")
    };
    if words.iter().skip(1).any(may_exec) {
        hidden()
    } else {
        Vec::new()
    }
}

fn hidden() -> Vec<Inner> {
    vec![Inner::hidden("a command behind unclear options")]
}
