//! Words to a line and back again the same words.

/// A line that a shell reads as exactly these words.
pub(crate) fn line<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word.as_ref())).collect();
    quoted.join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn leaves_plain_words_alone() {
        let words = ["/usr/bin/systemctl", "restart", "nginx@1.service"];
        assert_eq!(line(&words), "/usr/bin/systemctl restart nginx@1.service");
    }

    #[test]
    fn a_shell_reads_the_same_words() {
        let words = [
            "a b", "", "it's", "$HOME", "`id`", "x;y", "*", "~", "\\", "\n", "é",
        ];
        let script = format!("printf '%s\\0' {}", line(&words));
        let output = Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        let read: Vec<&str> = read.strip_suffix('\0').unwrap().split('\0').collect();
        assert_eq!(read, words);
    }
}
