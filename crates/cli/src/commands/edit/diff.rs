//! What was changed, as a unified diff.

use std::path::Path;
use std::time::Duration;

use similar::TextDiff;

use crate::output::color::{self, Color};
use crate::output::sanitize;

/// Larger texts are not compared, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Then the comparison becomes coarse.
const PATIENCE: Duration = Duration::from_secs(2);
const CONTEXT: usize = 3;

/// One version of a text.
#[derive(Debug)]
pub(super) struct Side(String);

impl Side {
    /// `None`: it is no text, or too large.
    pub(super) fn read(path: &Path) -> Option<Self> {
        if path.metadata().ok()?.len() > LARGEST {
            return None;
        }
        std::fs::read_to_string(path).ok().map(Self)
    }
}

/// The change from `before` to `after`, in colour where the terminal has it.
pub(super) fn unified(before: &Side, after: &Side, name: &str) -> String {
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before.0.as_str(), after.0.as_str());
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .header(name, &format!("{name} (edited)"))
        .to_string();
    text.lines().map(line).collect()
}

/// The file's text is the host's: nothing in it may drive the terminal.
fn line(text: &str) -> String {
    let clean = sanitize::recording(text);
    let painted = match text.as_bytes().first() {
        Some(b'+') => color::paint(&clean, Color::Green),
        Some(b'-') => color::paint(&clean, Color::Red),
        Some(b'@') => color::paint(&clean, Color::Blue),
        _ => clean,
    };
    format!("{painted}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(text: &str) -> Side {
        Side(text.to_owned())
    }

    #[test]
    fn changes_are_shown_with_their_surroundings() {
        let before = side("a\nb\nc\n");
        let after = side("a\nB\nc\n");
        insta::assert_snapshot!(unified(&before, &after, "h:/x"), @r"
        --- h:/x
        +++ h:/x (edited)
        @@ -1,3 +1,3 @@
         a
        -b
        +B
         c
        ");
    }

    #[test]
    fn the_hosts_text_does_not_drive_the_terminal() {
        let text = unified(&side("x\n"), &side("\x1b[2J\x1b]0;evil\x07y\n"), "h:/x");
        assert!(text.contains("+y\n") && !text.contains('\x1b'), "{text:?}");
    }
}
