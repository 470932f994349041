//! Sudo's plugin interface, version 1.15 and later, as `sudo_plugin(5)` documents it.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// The only major version there is.
pub(super) const API_MAJOR: c_uint = 1;
/// The `type` of an approval plugin.
pub(super) const APPROVAL_PLUGIN: c_uint = 4;
/// A message for the error stream.
pub(super) const ERROR_MESSAGE: c_int = 3;
/// A message for the output.
pub(super) const INFO_MESSAGE: c_int = 4;

/// How sudo writes a version.
pub(super) const fn api_version(major: c_uint, minor: c_uint) -> c_uint {
    (major << 16) | minor
}

/// Sudo's way to ask the user; never used.
pub(crate) type Conversation = *const c_void;
/// Sudo's way to tell the user: a kind and what `printf` takes.
pub(crate) type Printf = unsafe extern "C" fn(c_int, *const c_char, ...) -> c_int;

/// An array of texts that ends with NULL.
type Texts = *const *const c_char;

/// `struct approval_plugin`.
#[repr(C)]
pub(crate) struct ApprovalPlugin {
    pub(super) kind: c_uint,
    pub(super) version: c_uint,
    pub(super) open: unsafe extern "C" fn(
        c_uint,
        Conversation,
        Printf,
        Texts,
        Texts,
        c_int,
        Texts,
        Texts,
        Texts,
        *mut *const c_char,
    ) -> c_int,
    pub(super) close: unsafe extern "C" fn(),
    pub(super) check: unsafe extern "C" fn(Texts, Texts, Texts, *mut *const c_char) -> c_int,
    pub(super) show_version: unsafe extern "C" fn(c_int) -> c_int,
}
