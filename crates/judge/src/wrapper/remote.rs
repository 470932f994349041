//! ssh: a line for a shell on another host, and options that run commands here.

use crate::{
    argument::Argument,
    wrapper::{
        Inner,
        options::{Syntax, scan},
    },
};

/// Configuration that names a command to run on this host.
const LOCAL_COMMANDS: [&str; 4] = [
    "proxycommand",
    "localcommand",
    "knownhostscommand",
    "permitlocalcommand",
];

const SYNTAX: Syntax = Syntax {
    flags: "46AaCfGgKkMNnqsTtVvXxYy",
    valued: "BbcDEeFIiJLlmOoPpQRSWw",
    optional: "",
    long_flags: &[],
    long_valued: &[],
};

pub(super) fn ssh(words: &[Argument]) -> Vec<Inner> {
    let unclear = || vec![Inner::hidden("a command behind unclear options")];
    let Ok(options) = scan(words, 1, &SYNTAX) else {
        return unclear();
    };
    let mut inner: Vec<_> = options.values(&["o"]).filter_map(local_command).collect();
    let Some(host) = words.get(options.rest) else {
        return inner;
    };
    if host.splits() {
        return unclear();
    }
    // Options may also follow the host.
    let Ok(more) = scan(words, options.rest + 1, &SYNTAX) else {
        return unclear();
    };
    inner.extend(more.values(&["o"]).filter_map(local_command));
    let rest = words.get(more.rest..).unwrap_or_default();
    if !rest.is_empty() {
        inner.push(Inner::joined(rest));
    }
    inner
}

/// `-o ProxyCommand=…`
fn local_command(option: &Argument) -> Option<Inner> {
    let Some(text) = option.as_static() else {
        return Some(Inner::hidden(
            "an option of ssh that is not known before it runs",
        ));
    };
    let text = text.trim_start();
    let end = text.find(['=', ' ', '\t'])?;
    let (name, value) = text.split_at(end);
    let value = value.trim_start_matches(['=', ' ', '\t']);
    if !LOCAL_COMMANDS.contains(&name.to_ascii_lowercase().as_str()) {
        return None;
    }
    match value {
        "none" | "no" | "yes" => None,
        _ => Some(Inner::Script {
            text: value.to_owned(),
            in_words: true,
            privileged: false,
        }),
    }
}
