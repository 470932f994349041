//! No panic, and every span is a slice of the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shell_syntax::{Command, Visitor, Word, parse, walk};

struct Spans<'t>(&'t str);

impl<'a> Visitor<'a> for Spans<'_> {
    fn command(&mut self, command: &'a Command) {
        assert!(self.0.get(command.span.start..command.span.end).is_some());
    }

    fn word(&mut self, word: &'a Word) {
        assert!(self.0.get(word.span.start..word.span.end).is_some());
    }
}

fuzz_target!(|text: &str| {
    if let Ok(script) = parse(text) {
        walk(&script, &mut Spans(text));
    }
});
