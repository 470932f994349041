//! Words for a POSIX shell.

/// One word that a shell reads back as `word`; harmless words stay as they are.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Joins a command's words for the remote shell (`cli-core.md` §8.2): one word goes
/// verbatim; of several, only those with white space or quotes are quoted, so that
/// `|`, `>` and `$` reach the remote shell.
pub(crate) fn join(words: &[String]) -> String {
    if let [line] = words {
        return line.clone();
    }
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let needs = word.is_empty() || word.contains([' ', '\t', '\n', '\'']);
            if needs {
                format!("'{}'", word.replace('\'', r"'\''"))
            } else {
                word.clone()
            }
        })
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_needs_it_is_quoted() {
        assert_eq!(quote("web-01"), "web-01");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("$(x)"), "'$(x)'");
    }

    proptest! {
        #[test]
        fn a_shell_reads_the_word_back(word in "[ -~]{0,12}") {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quote(&word))])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
