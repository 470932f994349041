//! `alpacon guardrail`: what must not happen in the workspace.

mod change;
mod delete;
mod describe;
mod ls;
pub(crate) mod source;
mod test;
mod validate;

use crate::context::Context;
use crate::error::Failure;

pub(crate) const HELP: &str = "\
A guardrail is a file of Cedar `forbid` policies. Whatever sessions, tokens and rules
allow, what a guardrail forbids does not happen:

  @reason(\"production databases are reached through the bastion\")
  forbid (principal, action == Action::\"tunnel\", resource)
  when { resource.hasTag(\"env\") && resource.getTag(\"env\") == \"prod\" }
  unless { principal in Group::\"dba\" };

  alpacon guardrail validate no-prod-tunnels.cedar
  alpacon guardrail test --policy no-prod-tunnels.cedar --operation tunnel --server db-1 --port 5432
  alpacon guardrail create no-prod-tunnels no-prod-tunnels.cedar";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List guardrails.
    #[command(alias = "ls")]
    List,
    /// Show a guardrail and its policies.
    #[command(alias = "desc")]
    Describe(describe::Args),
    /// Create a guardrail from a file. It is in force at once.
    Create(change::CreateArgs),
    /// Change a guardrail; what is not given stays.
    Update(change::UpdateArgs),
    /// Remove a guardrail.
    #[command(alias = "rm")]
    Delete(delete::Args),
    /// Say whether a file would be accepted as a guardrail.
    Validate(validate::Args),
    /// Say what guardrails would decide about an operation, which does not happen.
    Test(Box<test::Args>),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List => ls::run(context).await,
        Verb::Describe(args) => describe::run(context, &args).await,
        Verb::Create(args) => change::create(context, args).await,
        Verb::Update(args) => change::update(context, args).await,
        Verb::Delete(args) => delete::run(context, &args).await,
        Verb::Validate(args) => validate::run(context, &args).await,
        Verb::Test(args) => test::run(context, *args).await,
    }
}
