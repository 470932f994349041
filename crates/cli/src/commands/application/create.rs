//! `alpacon application create`.

use client::applications::{self, NewApplication};
use protocol::application::SERVICE_TYPES;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, json, message};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the application.
    #[arg(short, long)]
    name: String,
    /// What it is for.
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// What kind of program it is.
    #[arg(long = "type", value_name = "TYPE", value_parser = SERVICE_TYPES, default_value = "automation")]
    service_type: String,
    /// Account on servers that it works as where a command names none; rules still
    /// have to allow that account by name.
    #[arg(long, default_value = "", hide_default_value = true)]
    username: String,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    if args.name.trim().is_empty() {
        return Err(CliError::usage("--name is empty").into());
    }
    let application = NewApplication {
        name: args.name.trim(),
        description: &args.description,
        service_type: &args.service_type,
        username: args.username.trim(),
    };
    let mut session = context.connect().await?;
    let created = challenge::curing(&mut session, async |api| {
        applications::create(api, &application).await
    })
    .await?;
    match context.format {
        Format::Json => json::print(&created),
        Format::Table => {
            message::success(&format!("application {} created", application.name));
            message::info(&format!(
                "next: alpacon service-token create --application {} --name NAME",
                application.name
            ));
        }
    }
    Ok(())
}
