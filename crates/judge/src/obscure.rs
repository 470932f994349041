//! Characters that make a line look like something else on a screen.

/// What a reader of the line cannot see or would see in the wrong place.
/// Joiners stay allowed: scripts and emoji need them.
pub(crate) fn find(line: &str) -> Option<char> {
    line.chars().find(|ch| is_obscure(*ch))
}

fn is_obscure(ch: char) -> bool {
    (ch.is_control() && !matches!(ch, '\t' | '\n'))
        || matches!(
            ch,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
