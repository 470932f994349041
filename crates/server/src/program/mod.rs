//! The command line of `alpacon-server`.

mod audit;
mod audit_export;
mod dev;
mod dev_tls;
mod keys;
mod node;
mod place;
mod superuser;
mod workspaces;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::crypto::keys::Keys;
use crate::telemetry;

/// The Alpacon control plane.
#[derive(Debug, Parser)]
#[command(name = "alpacon-server", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve with a configuration file.
    Serve(ConfigArguments),
    /// Serve an embedded single node for trying and for automation.
    Dev(DevArguments),
    /// Bring the database up to this version.
    Migrate(ConfigArguments),
    /// Manage superusers.
    #[command(subcommand, arg_required_else_help = true)]
    Superuser(SuperuserCommand),
    /// Look after the workspaces of this server.
    #[command(subcommand, arg_required_else_help = true)]
    Workspace(workspaces::WorkspaceCommand),
    /// Look after the audit trail.
    #[command(subcommand, arg_required_else_help = true)]
    Audit(AuditCommand),
    /// Look after what access tokens are signed with.
    #[command(subcommand, arg_required_else_help = true)]
    Keys(KeysCommand),
    /// Look after the configuration.
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Debug, Args)]
struct ConfigArguments {
    /// Configuration file (TOML). Without one, the environment alone decides.
    #[arg(long, value_name = "FILE", env = "ALPACON_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// Folder that holds everything. A second start keeps what is there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Serve HTTPS with a certificate of a CA made for this folder.
    #[arg(long)]
    tls: bool,
    /// Name of the superuser; the user who runs this by default.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Use this database instead of the embedded one.
    #[arg(
        long,
        value_name = "URL",
        env = "ALPACON_DATABASE__URL",
        hide_env_values = true
    )]
    database_url: Option<String>,
    /// Write URL and credentials to this file (JSON, mode 0600) when requests are accepted.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum SuperuserCommand {
    /// Create a superuser, and the workspace if there is none yet.
    Create(superuser::CreateArguments),
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check the hash chain of every workspace. Exits 1 when one does not verify.
    Verify(audit::VerifyArguments),
    /// Write the chain of a workspace to standard output, to be verified elsewhere.
    Export(audit_export::ExportArguments),
    /// Check an exported chain with nothing but the public key.
    VerifyExport(audit_export::VerifyExportArguments),
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Sign with a new key from now on. Nobody is logged out.
    Rotate(ConfigArguments),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check a configuration without starting anything.
    Check(ConfigArguments),
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the program's own error line")]
fn report(error: &anyhow::Error) {
    eprintln!("Error: {error:#}");
}

#[expect(clippy::print_stdout, reason = "the output of its subcommands")]
fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(arguments) => {
            let config = Config::load(arguments.config.as_deref())?;
            telemetry::start_logging(&config.log.filter, config.log.format);
            runtime()?.block_on(async {
                let keys = keys(&config)?;
                node::Node::start(config, keys).await?.run().await
            })?;
        }
        Command::Dev(arguments) => {
            let config = Config::load(None)?;
            telemetry::start_logging(&config.log.filter, config.log.format);
            runtime()?.block_on(dev::run(config, arguments))?;
        }
        Command::Migrate(arguments) => {
            let config = Config::load(arguments.config.as_deref())?;
            let keys = keys(&config)?;
            let count = runtime()?.block_on(async {
                let store = node::open_store(&config, &keys).await?;
                let count = store.pending_migrations().await?;
                store.migrate().await?;
                anyhow::Ok(count)
            })?;
            println!("{count} migrations applied; the database is up to date.");
        }
        Command::Superuser(SuperuserCommand::Create(arguments)) => {
            runtime()?.block_on(superuser::create(arguments))?;
        }
        Command::Workspace(command) => {
            runtime()?.block_on(workspaces::run(command))?;
        }
        Command::Audit(AuditCommand::Verify(arguments)) => {
            return runtime()?.block_on(audit::verify(arguments));
        }
        Command::Audit(AuditCommand::Export(arguments)) => {
            runtime()?.block_on(audit_export::export(arguments))?;
        }
        Command::Audit(AuditCommand::VerifyExport(arguments)) => {
            return audit_export::verify(&arguments);
        }
        Command::Keys(KeysCommand::Rotate(arguments)) => {
            runtime()?.block_on(keys::run_rotate(arguments))?;
        }
        Command::Config(ConfigCommand::Check(arguments)) => {
            let config = Config::load(arguments.config.as_deref())?;
            node::check_tls(&config)?;
            crate::mail::Mailer::new(&config.mail)?;
            println!("The configuration is valid.");
        }
        Command::Openapi => {
            let document = crate::http::router::openapi();
            println!(
                "{}",
                document
                    .to_pretty_json()
                    .context("cannot encode the document")?
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
}

fn keys(config: &Config) -> anyhow::Result<Keys> {
    node::create_data_dir(&config.server.data_dir)?;
    Ok(Keys::load_or_create(&config.server.data_dir.join("keys"))?)
}
