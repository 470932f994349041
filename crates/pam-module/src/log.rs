//! The system log of the host.

use std::ffi::CString;

/// Writes a line to the authentication log. The caller's own identification, if it
/// opened the log, stays.
#[expect(unsafe_code, reason = "the log is the C library's")]
pub(crate) fn note(text: &str) {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let Ok(text) = CString::new(clean) else {
        return;
    };
    let priority = libc::LOG_AUTHPRIV | libc::LOG_NOTICE;
    // SAFETY: the format takes exactly one NUL-terminated text, which lives on.
    unsafe { libc::syslog(priority, c"alpamon: %s".as_ptr(), text.as_ptr()) };
}
