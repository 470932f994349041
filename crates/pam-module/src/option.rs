//! Arguments in the PAM configuration or in `sudo.conf`.

use std::path::PathBuf;

/// Where the agent of a machine listens.
const SOCKET: &str = "/run/alpamon/auth.sock";

/// What an administrator may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// `socket=/path`.
    pub(crate) socket: PathBuf,
    /// `fail=open`: sudo goes on under the local rules when the agent is away.
    pub(crate) fail_open: bool,
}

impl Options {
    /// Reads arguments. Unknown ones are left alone, so that a newer configuration
    /// does not lock anybody out of an older module; anything but the exact
    /// `fail=open` fails closed.
    pub(crate) fn read<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut options = Self {
            socket: PathBuf::from(SOCKET),
            fail_open: false,
        };
        for argument in arguments {
            match argument.split_once('=') {
                Some(("socket", path)) if path.starts_with('/') => options.socket = path.into(),
                Some(("fail", how)) => options.fail_open = how == "open",
                _ => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_closed_unless_told_otherwise() {
        assert!(!Options::read([]).fail_open);
        assert!(!Options::read(["fail=Open", "fail", "open"]).fail_open);
        assert!(Options::read(["fail=open"]).fail_open);
        assert!(!Options::read(["fail=open", "fail=closed"]).fail_open);
    }

    #[test]
    fn the_socket_is_an_absolute_path() {
        let named = Options::read(["debug", "socket=/run/x.sock"]);
        assert_eq!(named.socket, PathBuf::from("/run/x.sock"));
        let relative = Options::read(["socket=x.sock"]);
        assert_eq!(relative.socket, PathBuf::from(SOCKET));
    }
}
