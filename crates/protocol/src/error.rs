//! Error bodies (`rest-identity.md` §11).

use serde::{Deserialize, Serialize};

/// The JSON object of every error response: a machine code, the area that
/// raised it, a text for people, and messages per field for validation errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ErrorBody {
    /// Machine code, see [`crate::code`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Area: `command`, `work_session`, `server`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Text for people, in one or two sentences, naming the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Field name → messages.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}
