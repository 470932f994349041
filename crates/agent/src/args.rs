//! The command line (`agent-control.md` §2).

use std::ffi::OsString;
use std::path::PathBuf;

use ::guard::{Depth, Mode};
use clap::{ArgAction, Args, Parser, Subcommand};
use serde::de::DeserializeOwned;

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
    /// The exec guard, by itself.
    #[command(subcommand)]
    Guard(GuardCommand),
    /// Open files for the daemon; started by it alone.
    #[command(name = crate::files::worker::SUBCOMMAND, hide = true)]
    FileWorker,
    /// Look at and change files for the file browser; started by the daemon alone.
    #[command(name = crate::files::worker::browse::SUBCOMMAND, hide = true)]
    BrowseWorker,
}

/// `guard`.
#[derive(Debug, Subcommand)]
pub(crate) enum GuardCommand {
    /// Run a program under the exec guard and pass its exit status through.
    Run(GuardRunArguments),
    /// Hold the tree of one order; started by the agent itself, with the order on
    /// its standard input.
    #[command(hide = true)]
    Supervise,
}

/// `guard run`.
#[derive(Debug, Args)]
pub(crate) struct GuardRunArguments {
    /// Policy document in JSON, as an order carries it.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// observe or enforce, instead of what the policy says.
    #[arg(long, value_parser = guard_word::<Mode>)]
    pub(crate) mode: Option<Mode>,
    /// top, shells or all, instead of what the policy says.
    #[arg(long, value_parser = guard_word::<Depth>)]
    pub(crate) depth: Option<Depth>,
    /// File for exec events, one JSON document per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
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

/// A word of the guard's policy document.
fn guard_word<W: DeserializeOwned>(text: &str) -> Result<W, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| error.to_string())
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
    fn the_guard_takes_everything_after_the_dashes() {
        let line = "alpamon guard run --policy p --mode observe --depth top -- ls --mode x";
        let parsed = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Some(Command::Guard(GuardCommand::Run(run))) = parsed.command else {
            panic!("not guard run");
        };
        assert_eq!(
            (run.mode, run.depth),
            (Some(Mode::Observe), Some(Depth::Top))
        );
        assert_eq!(run.command, ["ls", "--mode", "x"]);
        let wrong = "alpamon guard run --policy p --mode off -- ls";
        assert!(Arguments::try_parse_from(wrong.split(' ')).is_err());
    }

    #[test]
    fn tags_repeat_and_split_at_commas() {
        let tags = register(&["--tag", "a=1,b=2", "--tag", "c="]).tags;
        let keys: Vec<_> = tags.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
    }
}
