//! What a workspace lets through: sizes, kinds of content and names, judged on the
//! bytes, in both directions.

use protocol::workspace::TransferPolicy;

use crate::objects::HEAD;

const TEXT: &str = "text/plain";
const UNKNOWN: &str = "application/octet-stream";

/// The type of content, by its first bytes. What has no signature and reads as text is
/// text.
fn type_of(head: &[u8]) -> &'static str {
    if let Some(kind) = infer::get(head) {
        return kind.mime_type();
    }
    // A character may be cut in two where the head ends.
    let is_text = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && head.len() == HEAD,
    };
    match is_text && !head.contains(&0) {
        true => TEXT,
        false => UNKNOWN,
    }
}

/// Refuses content by its first bytes.
///
/// # Errors
/// The reason, for people.
pub(super) fn check_content(policy: &TransferPolicy, head: &[u8]) -> Result<(), String> {
    if head.is_empty() {
        return Ok(());
    }
    let kind = type_of(head);
    let matches = |patterns: &[String]| patterns.iter().any(|pattern| covers(pattern, kind));
    let is_allowed = policy.allowed_types.is_empty() || matches(&policy.allowed_types);
    if is_allowed && !matches(&policy.forbidden_types) {
        return Ok(());
    }
    Err(format!(
        "permission denied: the workspace does not let content of the type {kind} through"
    ))
}

/// Refuses a file by its name.
///
/// # Errors
/// The reason, for people.
pub(super) fn check_name(policy: &TransferPolicy, name: &str) -> Result<(), String> {
    // Some systems drop dots and spaces at the end.
    let name = name.trim_end_matches(['.', ' ']).to_lowercase();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    match extension {
        Some(extension) if policy.forbidden_extensions.iter().any(|it| it == extension) => {
            Err(format!(
                "permission denied: the workspace does not let files that end in \
                 .{extension} through"
            ))
        }
        _ => Ok(()),
    }
}

/// Whether a pattern, `text/*` or a whole type, covers a type.
fn covers(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => pattern == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0\
                         \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    fn policy(allowed: &[&str], forbidden: &[&str]) -> TransferPolicy {
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        TransferPolicy {
            allowed_types: texts(allowed),
            forbidden_types: texts(forbidden),
            forbidden_extensions: texts(&["exe", "gz"]),
            ..TransferPolicy::default()
        }
    }

    #[test]
    fn types_are_told_by_the_bytes() {
        let mut cut = vec![b'a'; HEAD - 1];
        cut.push(0xc3);
        // (head, type)
        let table: [(&[u8], &str); 8] = [
            (ELF, "application/x-executable"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip"),
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"%PDF-1.7", "application/pdf"),
            ("grüße\n".as_bytes(), TEXT),
            (&cut, TEXT),
            (b"text\0", UNKNOWN),
            (b"\xff\xfe\xfd", UNKNOWN),
        ];
        for (head, kind) in table {
            assert_eq!(type_of(head), kind, "{head:?}");
        }
    }

    #[test]
    fn what_is_forbidden_or_not_allowed_stops() {
        let check = |policy: &TransferPolicy, head| check_content(policy, head).is_ok();
        assert!(check(&policy(&[], &[]), ELF));
        let text_only = policy(&["text/*", "image/png"], &[]);
        assert!(check(&text_only, b"text") && check(&text_only, b"\x89PNG\r\n\x1a\n"));
        assert!(!check(&text_only, ELF) && !check(&text_only, b"a\0b"));
        assert!(check(&text_only, b""), "an empty file is nothing");
        let no_programs = policy(&[], &["application/x-exec*"]);
        assert!(!check(&no_programs, ELF) && check(&no_programs, b"text"));
        assert!(!check(&policy(&["*"], &["*"]), b"text"));
    }

    #[test]
    fn names_are_judged_by_how_they_end() {
        let policy = policy(&[], &[]);
        for name in ["a.exe", "a.EXE", "a.exe.", "a.exe ", "a.tar.gz", ".exe"] {
            assert!(check_name(&policy, name).is_err(), "{name:?}");
        }
        for name in ["exe", "a.exe.txt", "a.tar", "", "gz"] {
            assert!(check_name(&policy, name).is_ok(), "{name:?}");
        }
    }
}
