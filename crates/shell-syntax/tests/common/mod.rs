//! Names of the commands in a script, in source order.
#![allow(dead_code, reason = "each test binary uses one of the two forms")]

use shell_syntax::{Command, Construct, Script, Simple, Visitor, Word, walk};

/// One entry per simple command with words: its name, or `?` where it is
/// dynamic. `((…))` counts as bash reads it.
pub(crate) fn names(script: &Script) -> Vec<String> {
    collect(script, |word| {
        word.static_text().unwrap_or_else(|| "?".to_owned())
    })
}

/// The same, each name as it is written.
pub(crate) fn raw_names(script: &Script, text: &str) -> Vec<String> {
    collect(script, |word| {
        text[word.span.start..word.span.end].to_owned()
    })
}

fn collect(script: &Script, name: impl Fn(&Word) -> String) -> Vec<String> {
    let mut found = Names {
        found: Vec::new(),
        other_reading: 0,
    };
    walk(script, &mut found);
    found.found.sort_by_key(|word| word.span);
    found.found.into_iter().map(name).collect()
}

struct Names<'a> {
    found: Vec<&'a Word>,
    other_reading: usize,
}

impl<'a> Visitor<'a> for Names<'a> {
    fn enter(&mut self, construct: Construct) {
        self.other_reading += usize::from(construct == Construct::SubshellReading);
    }

    fn leave(&mut self, construct: Construct) {
        self.other_reading -= usize::from(construct == Construct::SubshellReading);
    }

    fn simple(&mut self, _command: &'a Command, simple: &'a Simple) {
        if self.other_reading == 0 {
            self.found.extend(simple.words.first());
        }
    }
}
