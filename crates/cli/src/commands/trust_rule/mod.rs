//! `alpacon trust-rule`: which CI jobs get a service token. An addition of ours.

mod change;
mod create;
mod ls;

use client::trust_rules;

use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List trust rules.
    #[command(alias = "list")]
    Ls,
    /// Show a trust rule.
    #[command(alias = "desc")]
    Describe {
        /// Name or id of the rule.
        rule: String,
    },
    /// Let jobs of a CI provider have a short-lived service token.
    #[command(after_help = create::EXAMPLES)]
    Create(create::Args),
    /// Change a trust rule in an editor.
    Update {
        /// Name or id of the rule.
        rule: String,
    },
    /// Put a trust rule in force again.
    Enable {
        /// Name or id of the rule.
        rule: String,
    },
    /// Put a trust rule out of force.
    Disable {
        /// Name or id of the rule.
        rule: String,
    },
    /// Remove a trust rule.
    #[command(alias = "rm")]
    Delete(change::DeleteArgs),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { rule } => {
            let session = context.connect().await?;
            let id = trust_rules::id(&session.api, &rule).await?;
            let shown = trust_rules::detail(&session.api, &id).await?;
            detail::print(&shown, context.format);
            Ok(())
        }
        Verb::Create(args) => create::run(context, &args).await,
        Verb::Update { rule } => change::edit(context, &rule).await,
        Verb::Enable { rule } => change::set_enabled(context, &rule, true).await,
        Verb::Disable { rule } => change::set_enabled(context, &rule, false).await,
        Verb::Delete(args) => change::delete(context, &args).await,
    }
}
