//! The command line (`agent-control.md` §2).

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::config::ini::parse_bool;

/// The Alpacon agent. Without a subcommand it runs as the daemon.
#[derive(Debug, Parser)]
#[command(name = "alpamon", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Configuration file.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for what survives a restart.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Folder for the PID file.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) run_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do besides running as the daemon.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register this machine at a server.
    Register(RegisterArguments),
    /// End this machine's registration.
    Unregister(UnregisterArguments),
}

/// `register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    /// Address of the server.
    #[arg(long, help = "Address of the server, such as https://acme.example.com")]
    pub(crate) url: String,
    /// Registration token.
    #[arg(long)]
    pub(crate) token: String,
    /// Name of this machine; the host name by default.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// debian or rhel; detected by default.
    #[arg(long)]
    pub(crate) platform: Option<String>,
    /// Check the server's certificate.
    #[arg(
        long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_value = "true", default_missing_value = "true",
        value_parser = boolean, action = ArgAction::Set,
    )]
    pub(crate) ssl_verify: bool,
    /// Trust only the certificates of this PEM file.
    #[arg(long, value_name = "PATH")]
    pub(crate) ca_cert: Option<PathBuf>,
    /// Tag of this machine, k=v; may be repeated.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = tag)]
    pub(crate) tags: Vec<(String, String)>,
    /// Do not ask whether this machine runs in a cloud.
    #[arg(long)]
    pub(crate) no_cloud_probe: bool,
    /// Replace an existing registration.
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave what was done when a later step fails.
    #[arg(long)]
    pub(crate) no_rollback: bool,
    /// Do not start a system service.
    #[arg(long)]
    pub(crate) no_service: bool,
}

/// `unregister`.
#[derive(Debug, Args)]
pub(crate) struct UnregisterArguments {
    /// Check the server's certificate; as configured by default.
    #[arg(
        long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = boolean,
    )]
    pub(crate) ssl_verify: Option<bool>,
    /// Trust only the certificates of this PEM file.
    #[arg(long, value_name = "PATH")]
    pub(crate) ca_cert: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Keep the configuration file.
    #[arg(long)]
    pub(crate) keep_config: bool,
    /// Leave the system service alone.
    #[arg(long)]
    pub(crate) no_service: bool,
}

fn boolean(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| "expected true or false".to_owned())
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn register(arguments: &[&str]) -> RegisterArguments {
        let fixed = ["alpamon", "register", "--url", "https://a", "--token", "t"];
        let parsed = Arguments::try_parse_from(fixed.iter().chain(arguments)).unwrap();
        match parsed.command {
            Some(Command::Register(register)) => register,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn is_consistent() {
        Arguments::command().debug_assert();
        assert!(
            Arguments::try_parse_from(["alpamon"])
                .unwrap()
                .command
                .is_none()
        );
        assert!(Arguments::try_parse_from(["alpamon", "register"]).is_err());
        assert!(Arguments::try_parse_from(["alpamon", "dance"]).is_err());
    }

    #[test]
    fn verification_is_on_unless_switched_off() {
        assert!(register(&[]).ssl_verify);
        assert!(register(&["--ssl-verify"]).ssl_verify);
        assert!(!register(&["--ssl-verify=false"]).ssl_verify);
    }

    #[test]
    fn tags_repeat_and_split_at_commas() {
        let tags = register(&["--tag", "a=1,b=2", "--tag", "c="]).tags;
        let keys: Vec<_> = tags.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
    }
}
