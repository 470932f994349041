//! What every page shows around its own content.

/// Around every page. Templates that extend `layout.html` have it as `frame`.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) workspace: String,
    /// Name of who is signed in.
    pub(crate) user: Option<String>,
    /// Every form holds it: `{% include "csrf.html" %}`.
    pub(crate) csrf: String,
}
