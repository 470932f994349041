//! Shell builtins that run their arguments.

use crate::{
    argument::Argument,
    wrapper::{
        Inner, launchers,
        options::{Syntax, scan},
        shells,
    },
};

pub(super) fn eval(words: &[Argument]) -> Vec<Inner> {
    let from = if words.get(1).and_then(Argument::as_static) == Some("--") {
        2
    } else {
        1
    };
    match words.get(from..) {
        None | Some([]) => Vec::new(),
        Some(rest) => vec![Inner::joined(rest)],
    }
}

/// `trap [-lpP] [[action] signal…]`
pub(super) fn trap(words: &[Argument]) -> Vec<Inner> {
    let from = if words.get(1).and_then(Argument::as_static) == Some("--") {
        2
    } else {
        1
    };
    match (words.get(from), words.get(from + 1)) {
        (Some(action), _) if matches!(action.as_static(), Some("-" | "" | "-l" | "-p" | "-P")) => {
            Vec::new()
        }
        // One word is a signal to reset.
        (Some(action), None) if !action.is_dynamic() => Vec::new(),
        (Some(action), _) => vec![Inner::script(action)],
        (None, _) => Vec::new(),
    }
}

/// `exec`, `command`, `builtin`
pub(super) fn transparent(words: &[Argument], name: &str) -> Vec<Inner> {
    const EXEC: Syntax = Syntax {
        flags: "cl",
        valued: "a",
        optional: "",
        long_flags: &[],
        long_valued: &[],
    };
    const COMMAND: Syntax = Syntax {
        flags: "pvV",
        valued: "",
        optional: "",
        long_flags: &[],
        long_valued: &[],
    };
    const BUILTIN: Syntax = Syntax {
        flags: "",
        valued: "",
        optional: "",
        long_flags: &[],
        long_valued: &[],
    };
    let syntax = match name {
        "exec" => EXEC,
        "command" => COMMAND,
        _ => BUILTIN,
    };
    match scan(words, 1, &syntax) {
        Ok(options) if options.has(&["v", "V"]) => Vec::new(),
        Ok(options) => launchers::after(words, options.rest, false),
        Err(_) => vec![Inner::hidden("a command behind unclear options")],
    }
}

/// A file by name is judged by its name.
pub(super) fn source(words: &[Argument]) -> Vec<Inner> {
    match words.get(1) {
        Some(file)
            if file
                .as_static()
                .is_some_and(|path| !shells::is_stream(path)) =>
        {
            Vec::new()
        }
        Some(_) => vec![Inner::hidden("a script that is not known before it runs")],
        None => Vec::new(),
    }
}

/// An alias changes how the lines after it are read.
pub(super) fn alias(words: &[Argument]) -> Vec<Inner> {
    let defines = |word: &Argument| word.is_dynamic() || word.pattern().contains('=');
    if words.iter().skip(1).any(defines) {
        vec![Inner::hidden("what an alias stands for")]
    } else {
        Vec::new()
    }
}

/// Builtins with an option that takes code.
pub(super) fn with_code(words: &[Argument], name: &str) -> Vec<Inner> {
    let codes: &[&str] = match name {
        "mapfile" | "readarray" => &["-C"],
        "complete" | "compgen" => &["-C", "-F", "-W"],
        "bind" => &["-x", "-f"],
        "enable" => &["-f"],
        // `fc` runs commands of the history.
        _ => &[""],
    };
    let runs = |word: &Argument| {
        word.is_dynamic() || codes.iter().any(|code| word.pattern().starts_with(code))
    };
    if words.iter().skip(1).any(runs) || name == "fc" {
        vec![Inner::hidden("code given to a builtin")]
    } else {
        Vec::new()
    }
}
