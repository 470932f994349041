//! Names of the commands in a script, in source order.

use shell_syntax::{Command, Construct, Script, Simple, Visitor, walk};

/// One entry per simple command with words: its name, or `?` where it is
/// dynamic. `((…))` counts as bash reads it.
pub(crate) fn names(script: &Script) -> Vec<String> {
    let mut found = Names {
        found: Vec::new(),
        other_reading: 0,
    };
    walk(script, &mut found);
    found.found.sort();
    found.found.into_iter().map(|(_, name)| name).collect()
}

struct Names {
    found: Vec<(usize, String)>,
    other_reading: usize,
}

impl<'a> Visitor<'a> for Names {
    fn enter(&mut self, construct: Construct) {
        self.other_reading += usize::from(construct == Construct::SubshellReading);
    }

    fn leave(&mut self, construct: Construct) {
        self.other_reading -= usize::from(construct == Construct::SubshellReading);
    }

    fn simple(&mut self, _command: &'a Command, simple: &'a Simple) {
        if self.other_reading > 0 {
            return;
        }
        if let Some(word) = simple.words.first() {
            let name = word.static_text().unwrap_or_else(|| "?".to_owned());
            self.found.push((word.span.start, name));
        }
    }
}
