//! The clients. There are two, both our own and public: they hold no secret, so
//! nothing they send proves who they are. What protects a grant is the user's
//! decision (device) and the redirect URI with PKCE (console).

use crate::http::PublicCtx;

/// Id of the CLI.
pub(crate) const CLI: &str = "alpacon-cli";
/// Id of the console.
pub(crate) const CONSOLE: &str = "alpacon-console";
/// Where the console of this server takes its codes.
const CONSOLE_REDIRECT: &str = "/console/callback";

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// Device grant; refresh tokens that stay (public clients keep theirs for the
    /// whole login, and use it from several processes at once).
    Cli,
    /// Authorization code with PKCE; refresh tokens that rotate.
    Console,
}

impl Client {
    pub(super) fn find(id: &str) -> Option<Self> {
        match id {
            CLI => Some(Self::Cli),
            CONSOLE => Some(Self::Console),
            _ => None,
        }
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Cli => CLI,
            Self::Console => CONSOLE,
        }
    }

    /// As people know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cli => "Alpacon CLI",
            Self::Console => "Alpacon console",
        }
    }

    /// Whether each use of a refresh token gives a new one.
    pub(super) fn rotates(self) -> bool {
        self == Self::Console
    }
}

/// Whether codes of the console may go to `uri`: compared whole, as RFC 9700 §2.1 wants.
pub(super) fn is_redirect(ctx: &PublicCtx, uri: &str) -> bool {
    uri == format!("{}{CONSOLE_REDIRECT}", ctx.base_url)
        || ctx
            .app
            .config
            .oauth
            .console_redirect_uris
            .iter()
            .any(|allowed| allowed == uri)
}
