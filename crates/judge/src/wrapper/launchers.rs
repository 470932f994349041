//! Programs that start another with something changed: priority, limits,
//! terminal, root folder, environment.

use crate::{
    argument::Argument,
    plan::Assigned,
    wrapper::{
        Inner,
        options::{Syntax, may_be_option, scan},
    },
};

/// One launcher: options, operands of its own, then the command.
struct Launcher {
    name: &'static str,
    syntax: Syntax,
    /// Operands before the command.
    operands: usize,
    /// Options with which it runs nothing.
    idle: &'static [&'static str],
    /// Without a command it starts a shell.
    shell: bool,
}

const fn launcher(name: &'static str, flags: &'static str, valued: &'static str) -> Launcher {
    let syntax = Syntax {
        flags,
        valued,
        optional: "",
        long_flags: HELP,
        long_valued: &[],
    };
    Launcher {
        name,
        syntax,
        operands: 0,
        idle: &["help", "version"],
        shell: false,
    }
}

const HELP: &[&str] = &["help", "version"];

/// Launchers whose syntax is regular.
const LAUNCHERS: &[Launcher] = &[
    launcher("nohup", "", ""),
    Launcher {
        syntax: Syntax {
            flags: "0123456789",
            valued: "n",
            long_valued: &["adjustment"],
            long_flags: HELP,
            optional: "",
        },
        ..launcher("nice", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "t",
            valued: "cnpPu",
            long_flags: &["ignore", "help", "version"],
            long_valued: &["class", "classdata", "pid", "pgid", "uid"],
            optional: "",
        },
        idle: &["p", "P", "u", "pid", "pgid", "uid", "help", "version"],
        ..launcher("ionice", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "apqvV",
            valued: "fo",
            long_flags: &[
                "append",
                "portability",
                "quiet",
                "verbose",
                "help",
                "version",
            ],
            long_valued: &["format", "output"],
            optional: "",
        },
        ..launcher("time", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "fpv",
            valued: "ks",
            long_flags: &[
                "foreground",
                "preserve-status",
                "verbose",
                "help",
                "version",
            ],
            long_valued: &["kill-after", "signal"],
            optional: "",
        },
        operands: 1,
        ..launcher("timeout", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "",
            valued: "ioe",
            long_flags: HELP,
            long_valued: &["input", "output", "error"],
            optional: "",
        },
        ..launcher("stdbuf", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "cfwhV",
            valued: "",
            long_flags: &["ctty", "fork", "wait", "help", "version"],
            long_valued: &[],
            optional: "",
        },
        ..launcher("setsid", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "",
            valued: "",
            long_flags: &["skip-chdir", "help", "version"],
            long_valued: &["userspec", "groups"],
            optional: "",
        },
        operands: 1,
        shell: true,
        ..launcher("chroot", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "aFZeckhV",
            valued: "tSGN",
            optional: "muinpCUTrwW",
            long_flags: &[
                "all",
                "no-fork",
                "follow-context",
                "env",
                "join-cgroup",
                "keep-caps",
                "preserve-credentials",
                "mount",
                "uts",
                "ipc",
                "net",
                "pid",
                "user",
                "cgroup",
                "time",
                "root",
                "wd",
                "wdns",
                "help",
                "version",
            ],
            long_valued: &["target", "setuid", "setgid", "net-socket"],
        },
        shell: true,
        ..launcher("nsenter", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "frchV",
            valued: "RwSGl",
            optional: "muinpCUT",
            long_flags: &[
                "mount",
                "uts",
                "ipc",
                "net",
                "pid",
                "user",
                "cgroup",
                "time",
                "fork",
                "map-root-user",
                "map-current-user",
                "map-auto",
                "keep-caps",
                "kill-child",
                "mount-proc",
                "help",
                "version",
            ],
            long_valued: &[
                "propagation",
                "root",
                "wd",
                "setuid",
                "setgid",
                "setgroups",
                "monotonic",
                "boottime",
                "map-user",
                "map-group",
                "map-users",
                "map-groups",
            ],
        },
        shell: true,
        ..launcher("unshare", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "GrSPdtqh",
            valued: "upHMEC",
            optional: "",
            long_flags: &[
                "user",
                "system",
                "scope",
                "remain-after-exit",
                "send-sighup",
                "wait",
                "same-dir",
                "pty",
                "pipe",
                "shell",
                "quiet",
                "collect",
                "no-block",
                "no-ask-password",
                "on-clock-change",
                "on-timezone-change",
                "help",
                "version",
            ],
            long_valued: &[
                "unit",
                "property",
                "description",
                "slice",
                "service-type",
                "uid",
                "gid",
                "nice",
                "working-directory",
                "setenv",
                "on-active",
                "on-boot",
                "on-startup",
                "on-unit-active",
                "on-unit-inactive",
                "on-calendar",
                "path-property",
                "socket-property",
                "timer-property",
                "host",
                "machine",
                "expand-environment",
                "background",
            ],
        },
        idle: &["help", "version", "h"],
        shell: true,
        ..launcher("systemd-run", "", "")
    },
    Launcher {
        syntax: Syntax {
            flags: "",
            valued: "",
            optional: "",
            long_flags: &[
                "list",
                "no-pager",
                "no-legend",
                "no-ask-password",
                "help",
                "version",
            ],
            long_valued: &["what", "who", "why", "mode"],
        },
        idle: &["list", "help", "version"],
        ..launcher("systemd-inhibit", "", "")
    },
    Launcher {
        operands: 1,
        idle: &["p", "pid", "help"],
        ..launcher("taskset", "ac", "p")
    },
    Launcher {
        operands: 1,
        idle: &["p", "m"],
        ..launcher("chrt", "abdfiormRv", "TPDp")
    },
    Launcher {
        shell: true,
        ..launcher("fakeroot", "hv", "lsibf")
    },
    launcher("setarch", "BFILRSTXZ3v", "p"),
    launcher("linux64", "BFILRSTXZ3v", "p"),
    launcher("unbuffer", "p", ""),
    launcher("eatmydata", "", ""),
    launcher("strace", "cCdfFhiknqrtTvVwxyYzZ", "abeEIoOpPsSuUX"),
    launcher("ltrace", "cCfhiLrStTV", "aAdDeFlnopsuwx"),
    launcher("tini", "gvhs", "pe"),
    launcher("dumb-init", "cv", "r"),
    Launcher {
        operands: 1,
        ..launcher("gosu", "", "")
    },
    Launcher {
        operands: 1,
        ..launcher("su-exec", "", "")
    },
    Launcher {
        operands: 1,
        ..launcher("setuidgid", "", "")
    },
    launcher("catchsegv", "", ""),
    launcher("dbus-run-session", "", ""),
    launcher("chronic", "ve", ""),
    launcher("ifne", "n", ""),
    launcher("proxychains", "q", "f"),
    launcher("proxychains4", "q", "f"),
    launcher("torsocks", "adhiqu", "P"),
];

/// A launcher of the table.
pub(super) fn simple(words: &[Argument], name: &str) -> Vec<Inner> {
    let Some(launcher) = LAUNCHERS.iter().find(|launcher| launcher.name == name) else {
        return Vec::new();
    };
    let Ok(options) = scan(words, 1, &launcher.syntax) else {
        return vec![Inner::hidden("a command behind unclear options")];
    };
    if options.has(launcher.idle) {
        return Vec::new();
    }
    let own = words.get(options.rest..).unwrap_or_default();
    if own.iter().take(launcher.operands).any(Argument::splits) {
        return vec![Inner::hidden("a command behind unclear options")];
    }
    after(words, options.rest + launcher.operands, launcher.shell)
}

/// The command that starts at word `at`.
pub(super) fn after(words: &[Argument], at: usize, shell: bool) -> Vec<Inner> {
    if at < words.len() {
        vec![Inner::words(words, at)]
    } else if shell {
        vec![Inner::hidden("a shell")]
    } else {
        Vec::new()
    }
}

/// `env [options] [NAME=VALUE…] [command…]`
pub(super) fn env(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "i0v",
        valued: "uCSaP",
        optional: "",
        long_flags: &[
            "ignore-environment",
            "null",
            "debug",
            "block-signal",
            "default-signal",
            "ignore-signal",
            "list-signal-handling",
            "help",
            "version",
        ],
        long_valued: &["unset", "chdir", "split-string", "argv0"],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("a command behind unclear options")];
    };
    let mut rest = options.rest;
    if words.get(rest).and_then(Argument::as_static) == Some("-") {
        rest += 1;
    }
    if let Some(split) = options.value(&["S", "split-string"]) {
        // The string and what follows are one line of words.
        let mut all = vec![split.clone()];
        all.extend(words.get(rest..).unwrap_or_default().iter().cloned());
        return vec![Inner::joined(&all)];
    }
    with_assignments(words, rest)
}

/// `NAME=VALUE…` and then a command.
pub(super) fn with_assignments(words: &[Argument], from: usize) -> Vec<Inner> {
    let mut assignments = Vec::new();
    let mut at = from;
    while let Some(word) = words.get(at) {
        let Some((name, _)) = word.known_prefix().split_once('=') else {
            break;
        };
        if name.is_empty() {
            break;
        }
        assignments.push(Assigned {
            name: name.to_owned(),
            value: word.after(name.len() + 1),
        });
        if word.splits() {
            return vec![Inner::hidden("a command behind an unquoted expansion")];
        }
        at += 1;
    }
    let words = words.get(at..).unwrap_or_default().to_vec();
    if words.is_empty() && assignments.is_empty() {
        return Vec::new();
    }
    vec![Inner::Words {
        words,
        assignments,
        at: Some(at),
        privileged: false,
    }]
}

/// `flock [options] file|fd [command… | -c line]`
pub(super) fn flock(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "sxeunFohV",
        valued: "wEc",
        optional: "",
        long_flags: &[
            "shared",
            "exclusive",
            "unlock",
            "nonblock",
            "nb",
            "no-fork",
            "close",
            "verbose",
            "fcntl",
            "help",
            "version",
        ],
        long_valued: &[
            "timeout",
            "wait",
            "conflict-exit-code",
            "command",
            "start",
            "length",
        ],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("a command behind unclear options")];
    };
    if let Some(line) = options.value(&["c", "command"]) {
        return vec![Inner::script(line)];
    }
    if words.get(options.rest).is_some_and(Argument::splits) {
        return vec![Inner::hidden("a command behind an unquoted expansion")];
    }
    let at = options.rest + 1;
    match words.get(at).and_then(Argument::as_static) {
        Some("-c" | "--command") => words.get(at + 1).map(Inner::script).into_iter().collect(),
        _ => after(words, at, false),
    }
}

/// `script [options] [file]`: a shell, or the command of `-c`.
pub(super) fn script(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "aefqhV",
        valued: "BcEIOTmo",
        optional: "t",
        long_flags: &[
            "append", "return", "flush", "force", "quiet", "timing", "help", "version",
        ],
        long_valued: &[
            "command",
            "echo",
            "log-in",
            "log-out",
            "log-io",
            "log-timing",
            "logging-format",
            "output-limit",
        ],
    };
    match scan(words, 1, &SYNTAX) {
        Ok(options) if options.has(&["help", "version", "h", "V"]) => Vec::new(),
        Ok(options) => match options.value(&["c", "command"]) {
            Some(line) => vec![Inner::script(line)],
            // The command may also follow the file name.
            None => vec![Inner::hidden("a shell")],
        },
        Err(_) => vec![Inner::hidden("a command behind unclear options")],
    }
}

/// `watch [options] command…`, joined and given to a shell unless `-x`.
pub(super) fn watch(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "bcCegtpvwxrfhs",
        valued: "nq",
        optional: "d",
        long_flags: &[
            "beep",
            "color",
            "no-color",
            "differences",
            "errexit",
            "chgexit",
            "precise",
            "no-rerun",
            "no-title",
            "no-wrap",
            "exec",
            "help",
            "version",
        ],
        long_valued: &["interval", "equexit", "shotsdir"],
    };
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return vec![Inner::hidden("a command behind unclear options")];
    };
    let rest = words.get(options.rest..).unwrap_or_default();
    if rest.is_empty() {
        return Vec::new();
    }
    if options.has(&["x", "exec"]) {
        return after(words, options.rest, false);
    }
    vec![Inner::joined(rest)]
}

/// `busybox applet arguments…`
pub(super) fn busybox(words: &[Argument]) -> Vec<Inner> {
    match words.get(1) {
        Some(word) if may_be_option(word) => vec![Inner::hidden("an unknown applet")],
        Some(word) if word.known_prefix().starts_with('-') => Vec::new(),
        _ => after(words, 1, false),
    }
}

/// `ld.so [options] program arguments…`
pub(super) fn loader(words: &[Argument]) -> Vec<Inner> {
    const SYNTAX: Syntax = Syntax {
        flags: "",
        valued: "",
        optional: "",
        long_flags: &[
            "list",
            "verify",
            "inhibit-cache",
            "list-tunables",
            "list-diagnostics",
            "help",
            "version",
        ],
        long_valued: &[
            "library-path",
            "preload",
            "audit",
            "argv0",
            "inhibit-rpath",
            "glibc-hwcaps-prepend",
            "glibc-hwcaps-mask",
        ],
    };
    match scan(words, 1, &SYNTAX) {
        Ok(options) if options.has(&["list", "verify", "help", "version"]) => Vec::new(),
        // Code that the program itself would not load.
        Ok(options) if options.has(&["library-path", "preload", "audit"]) => {
            let mut inner = after(words, options.rest, false);
            inner.push(Inner::hidden("a library named to the loader"));
            inner
        }
        Ok(options) => after(words, options.rest, false),
        Err(_) => vec![Inner::hidden("a program behind unclear options")],
    }
}
