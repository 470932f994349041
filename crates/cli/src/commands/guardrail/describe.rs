//! `alpacon guardrail describe NAME`.

use client::guardrails;
use serde_json::json;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{self, Format, detail, message, sanitize};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id.
    name: String,
    /// Print the policies alone, as `update` takes them.
    #[arg(long, conflicts_with = "versions")]
    policy: bool,
    /// Show every version there was.
    #[arg(long)]
    versions: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let guardrail = guardrails::find(&session.api, &args.name).await?;
    if args.policy {
        output::stdout(&sanitize::lines(&guardrail.policy));
        return Ok(());
    }
    if args.versions {
        let id = guardrail.id.to_string();
        let versions = guardrails::versions(&session.api, &id).await?;
        detail::print(&json!(versions), context.format);
        return Ok(());
    }
    if context.format == Format::Json {
        detail::print(&json!(guardrail), context.format);
        return Ok(());
    }
    let state = match guardrail.enabled {
        true => "in force",
        false => "off",
    };
    message::plain(&format!(
        "{}, version {}, {state}",
        sanitize::cell(&guardrail.name),
        guardrail.version
    ));
    if !guardrail.description.is_empty() {
        message::plain(&sanitize::cell(&guardrail.description));
    }
    output::stdout(&sanitize::lines(&guardrail.policy));
    Ok(())
}
