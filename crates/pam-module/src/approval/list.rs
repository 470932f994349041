//! Arrays of texts as C programs pass them.

use std::ffi::{CStr, c_char};

/// More than `execve` takes; what goes beyond is no honest list.
const MAX_TEXTS: usize = 1 << 20;

/// Copies an array of texts. Bytes that are not UTF-8 become replacement
/// characters, which no rule names.
///
/// # Safety
/// `array` must be NULL or point to NUL-terminated texts followed by NULL.
#[expect(unsafe_code, reason = "C arrays")]
pub(super) unsafe fn texts(array: *const *const c_char) -> Vec<String> {
    let mut texts = Vec::new();
    if array.is_null() {
        return texts;
    }
    for at in 0..MAX_TEXTS {
        // SAFETY: by the caller's promise there is a NULL at the end, and the loop
        // has not met it yet.
        let text = unsafe { *array.add(at) };
        if text.is_null() {
            break;
        }
        // SAFETY: a NUL-terminated text, by the caller's promise.
        let text = unsafe { CStr::from_ptr(text) };
        texts.push(text.to_string_lossy().into_owned());
    }
    texts
}

/// The value of `name=value` in a list.
pub(super) fn value<'a>(list: &'a [String], name: &str) -> Option<&'a str> {
    list.iter()
        .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "C arrays")]
    fn copies_up_to_the_end() {
        let array = [c"uid=1".as_ptr(), c"a=b=c".as_ptr(), std::ptr::null()];
        // SAFETY: texts, then NULL.
        let list = unsafe { texts(array.as_ptr()) };
        assert_eq!(list, ["uid=1", "a=b=c"]);
        assert_eq!(value(&list, "uid"), Some("1"));
        assert_eq!(value(&list, "a"), Some("b=c"));
        assert_eq!(value(&list, "u"), None);
        // SAFETY: NULL is allowed.
        assert!(unsafe { texts(std::ptr::null()) }.is_empty());
    }
}
