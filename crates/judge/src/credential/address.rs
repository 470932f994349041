//! Passwords in addresses.

use crate::argument::UNKNOWN;

/// `scheme://user:password@host`, or `user:password@host` at the start.
pub(super) fn has_url_password(text: &str) -> bool {
    text.split([' ', '\t', '\n', '"', '\'', ',']).any(|piece| {
        let (authority, scheme) = match piece.find("://") {
            Some(at) => (piece.get(at + 3..).unwrap_or(""), true),
            None => (piece, false),
        };
        let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
        let authority = authority.get(..end).unwrap_or("");
        let Some((userinfo, host)) = authority.rsplit_once('@') else {
            return false;
        };
        let Some((user, password)) = userinfo.split_once(':') else {
            return false;
        };
        let plausible_user = if scheme {
            user.bytes().all(is_user_byte)
        } else {
            !user.is_empty() && user.bytes().all(is_user_byte)
        };
        plausible_user
            && is_host(host)
            && !password.is_empty()
            && !password.contains(UNKNOWN)
            && (scheme || !is_image_reference(password) && !is_recipe(password))
    })
}

fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-+%".contains(&byte)
}

fn is_host(host: &str) -> bool {
    host.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[')
        && !host.starts_with("sha256:")
}

/// `image:tag@sha256:…` is no password.
fn is_image_reference(tag: &str) -> bool {
    tag.contains('/')
}

/// `printf 'all:\n\t@echo done\n'` writes a makefile: what stands before the `@` is
/// escapes of `printf`, or ends in those of a new recipe line.
fn is_recipe(password: &str) -> bool {
    let text = password.trim_end_matches(['-', '+']);
    let mut rest = text;
    while let Some(next) = rest
        .strip_prefix('\\')
        .and_then(|rest| rest.strip_prefix(['n', 't', 'r']))
    {
        rest = next;
    }
    rest.is_empty() || text.ends_with(r"\n\t")
}
