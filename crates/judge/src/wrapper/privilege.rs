//! Running as another user: sudo, doas, su, runuser, pkexec.

use crate::{
    argument::Argument,
    wrapper::{
        Inner, launchers,
        options::{Syntax, scan},
    },
};

pub(super) fn sudo(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "AbBEeHiKklNnPSsVv",
        valued: "CDghpRrTtUu",
        optional: "",
        long_flags: &[
            "askpass",
            "background",
            "bell",
            "preserve-env",
            "edit",
            "set-home",
            "login",
            "remove-timestamp",
            "reset-timestamp",
            "list",
            "no-update",
            "non-interactive",
            "preserve-groups",
            "stdin",
            "shell",
            "validate",
            "version",
            "help",
        ],
        long_valued: &[
            "close-from",
            "chdir",
            "group",
            "host",
            "prompt",
            "chroot",
            "role",
            "command-timeout",
            "type",
            "other-user",
            "user",
        ],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("a command behind unclear options").into_privileged()];
    };
    if options.has(&["e", "edit"]) {
        return vec![Inner::hidden("an editor").into_privileged()];
    }
    let inner = launchers::with_assignments(words, options.rest);
    if inner.is_empty() && options.has(&["i", "login", "s", "shell"]) {
        return vec![Inner::hidden("a shell").into_privileged()];
    }
    // `sudo -l command` asks about the command and runs nothing.
    if options.has(&["l", "list", "v", "validate", "V", "version", "help"]) {
        return Vec::new();
    }
    privileged(inner)
}

pub(super) fn doas(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "Lns",
        valued: "aCu",
        optional: "",
        long_flags: &[],
        long_valued: &[],
    };
    match scan(words, 1, &SYNTAX) {
        Err(_) => vec![Inner::hidden("a command behind unclear options").into_privileged()],
        Ok(options) if options.has(&["s"]) => vec![Inner::hidden("a shell").into_privileged()],
        Ok(options) => privileged(launchers::after(words, options.rest, false)),
    }
}

const SU: Syntax = Syntax {
    flags: "lmpPfhVT",
    valued: "cgGswC",
    optional: "",
    long_flags: &[
        "login",
        "preserve-environment",
        "pty",
        "no-pty",
        "fast",
        "help",
        "version",
    ],
    long_valued: &[
        "command",
        "session-command",
        "group",
        "supp-group",
        "shell",
        "whitelist-environment",
    ],
};

/// `su [options] [-] [user [shell arguments…]]`; options may follow the user.
pub(super) fn su(words: &[Argument]) -> Vec<Inner> {
    let mut from = 1;
    // At most: `-`, the user, and options before, between and after.
    for _ in 0..4 {
        let Ok(options) = scan(words, from, &SU) else {
            return vec![Inner::hidden("a command behind unclear options").into_privileged()];
        };
        if options.has(&["h", "help", "V", "version"]) {
            return Vec::new();
        }
        if options
            .value(&["s", "shell"])
            .is_some_and(|shell| !is_known_shell(shell))
        {
            break;
        }
        let line = options.value(&["c", "command", "session-command", "C"]);
        if let Some(line) = line {
            return vec![Inner::script(line).into_privileged()];
        }
        if words.get(options.rest).is_some_and(Argument::splits) {
            break;
        }
        from = options.rest + 1;
    }
    vec![Inner::hidden("a shell").into_privileged()]
}

fn is_known_shell(shell: &Argument) -> bool {
    const SHELLS: [&str; 6] = [
        "/bin/sh",
        "/bin/bash",
        "/bin/dash",
        "/usr/bin/sh",
        "/usr/bin/bash",
        "/usr/bin/dash",
    ];
    shell.as_static().is_some_and(|path| SHELLS.contains(&path))
}

/// Like `su`, or with `-u user` a command of words.
pub(super) fn runuser(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "lmpPfhVT",
        valued: "ugGcsw",
        optional: "",
        long_flags: &[
            "login",
            "preserve-environment",
            "pty",
            "no-pty",
            "fast",
            "help",
            "version",
        ],
        long_valued: &[
            "user",
            "group",
            "supp-group",
            "command",
            "session-command",
            "shell",
            "whitelist-environment",
        ],
    };
    match scan(words, 1, &SYNTAX) {
        Ok(options) if options.has(&["u", "user"]) => {
            privileged(launchers::after(words, options.rest, true))
        }
        _ => su(words),
    }
}

pub(super) fn pkexec(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "",
        valued: "u",
        optional: "",
        long_flags: &["version", "help", "disable-internal-agent", "keep-cwd"],
        long_valued: &["user"],
    };
    match scan(words, 1, &SYNTAX) {
        Ok(options) => privileged(launchers::after(words, options.rest, true)),
        Err(_) => vec![Inner::hidden("a command behind unclear options").into_privileged()],
    }
}

fn privileged(inner: Vec<Inner>) -> Vec<Inner> {
    inner.into_iter().map(Inner::into_privileged).collect()
}
