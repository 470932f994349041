//! What holds for every input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use proptest::prelude::*;
use shell_syntax::{Assignment, Command, Redirect, Span, Visitor, Word, parse, walk};

/// Pieces that open, close and escape every construct.
fn shell_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b1",
        " ",
        "  ",
        "\n",
        "\t",
        ";",
        ";;",
        ";&",
        "&",
        "&&",
        "|",
        "||",
        "|&",
        "(",
        ")",
        "((",
        "))",
        "{",
        "}",
        "{ ",
        "; }",
        "$",
        "$(",
        "$((",
        "${",
        "${x:-",
        "${#",
        "${!",
        "$[",
        "]",
        "[",
        "[[",
        " ]]",
        "`",
        "\\`",
        "\\",
        "\\\n",
        "'",
        "\"",
        "$'",
        "$\"",
        "<",
        ">",
        ">>",
        "<<",
        "<<-",
        "<<<",
        "<(",
        ">(",
        "&>",
        "2>",
        "{fd}>",
        "EOF",
        "<<EOF\n",
        "\nEOF\n",
        "<<'EOF'\n",
        "if ",
        "then ",
        "elif ",
        "else ",
        "fi",
        "for ",
        "in ",
        "do ",
        "done",
        "while ",
        "until ",
        "case ",
        "esac",
        "select ",
        "function ",
        "coproc ",
        "time ",
        "! ",
        "x=",
        "x+=",
        "x[",
        "=(",
        "declare ",
        "@(",
        "!(",
        "*",
        "?",
        "~",
        "#",
        " #",
        "=~",
        "==",
        "-n",
        "한",
        "é",
        "\u{a0}",
        "\r",
        "\u{1}",
        "\\x",
        "0",
        "9",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Checks that spans are slices of the input.
struct Spans<'t>(&'t str);

impl Spans<'_> {
    fn check(&self, span: Span) {
        assert!(
            self.0.get(span.start..span.end).is_some(),
            "{span:?} of {:?}",
            self.0
        );
    }
}

impl<'a> Visitor<'a> for Spans<'_> {
    fn command(&mut self, command: &'a Command) {
        self.check(command.span);
    }

    fn word(&mut self, word: &'a Word) {
        self.check(word.span);
    }

    fn redirect(&mut self, redirect: &'a Redirect) {
        self.check(redirect.span);
    }

    fn assignment(&mut self, assignment: &'a Assignment) {
        self.check(assignment.span);
    }
}

fn answers(text: &str) {
    match parse(text) {
        Ok(script) => {
            walk(&script, &mut Spans(text));
            for doubt in &script.doubts {
                Spans(text).check(doubt.span);
            }
        }
        Err(error) => Spans(text).check(error.span),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn answers_any_text(text in any::<String>()) {
        answers(&text);
    }

    #[test]
    fn answers_any_shell_text(text in shell_text()) {
        answers(&text);
    }

    #[test]
    fn a_comment_or_blank_around_changes_nothing(text in shell_text()) {
        if let (Ok(plain), Ok(around)) = (parse(&text), parse(&format!(" \n{text}"))) {
            prop_assert_eq!(plain.list.items.len(), around.list.items.len());
        }
    }

    #[test]
    fn a_separator_adds_one_command(text in shell_text()) {
        // A here-document or comment may swallow what follows on its line.
        if let Ok(script) = parse(&text)
            && script.here_docs.is_empty()
            && !text.contains(['#', '\\'])
        {
            let more = parse(&format!("{text}\nmarker"));
            let count = more.map(|script| script.list.items.len());
            prop_assert_eq!(count, Ok(script.list.items.len() + 1));
        }
    }
}
