//! `alpacon token acl server`.

use client::token_acl::{self, ServerRule};
use client::{api_tokens, servers};
use serde::Serialize;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{message, table};
use crate::prompt;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Allow a server, or several at once.
    Add(AddArgs),
    /// List the servers that a token may reach.
    #[command(alias = "list")]
    Ls {
        /// Name or id of the token; APPLICATION/TOKEN for a service token.
        token: String,
    },
    /// Remove a rule by its id, or a token's rules for several servers.
    #[command(alias = "rm")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Name or id of the token; APPLICATION/TOKEN for a service token.
    token: String,
    /// Name of the server.
    #[arg(long, required_unless_present = "servers", conflicts_with = "servers")]
    server: Option<String>,
    /// Names of servers, separated by commas.
    #[arg(long)]
    servers: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Id of the rule; with --servers name or id of the token.
    #[arg(value_name = "ACL-ID-OR-TOKEN")]
    target: String,
    /// Names of servers, separated by commas.
    #[arg(long)]
    servers: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    token_name: String,
    server_name: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["ID", "TOKEN", "SERVER"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.token_name.clone(),
            self.server_name.clone(),
        ]
    }
}

impl From<ServerRule> for Row {
    fn from(rule: ServerRule) -> Self {
        Self {
            id: rule.id,
            token_name: rule.token_name,
            server_name: rule.server.name,
        }
    }
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Add(args) => add(context, &args).await,
        Verb::Ls { token } => super::ls::<ServerRule, Row>(context, &token).await,
        Verb::Delete(args) => delete(context, args).await,
    }
}

async fn add(context: &Context, args: &AddArgs) -> Result<(), Failure> {
    let names = match (&args.server, &args.servers) {
        (Some(server), _) => vec![server.clone()],
        (None, names) => listed(names.as_deref().unwrap_or_default())?,
    };
    let is_single = args.server.is_some();
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let token = api_tokens::id(api, &args.token).await?;
        let ids = servers::ids_by_name(api, &names).await?;
        match ids.as_slice() {
            [server] if is_single => token_acl::add_server(api, &token, server).await,
            servers => token_acl::add_servers(api, &token, servers).await,
        }
    })
    .await?;
    message::success(&format!(
        "token {} may reach {}",
        args.token,
        names.join(", ")
    ));
    Ok(())
}

async fn delete(context: &Context, args: DeleteArgs) -> Result<(), Failure> {
    let Some(names) = args.servers else {
        let args = super::DeleteArgs {
            rule: args.target,
            yes: args.yes,
        };
        return super::delete::<ServerRule>(context, "server", &args).await;
    };
    let names = listed(&names)?;
    let shown = names.join(", ");
    let question = format!("Take {shown} from the token {}?", args.target);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let token = api_tokens::id(api, &args.target).await?;
        let ids = servers::ids_by_name(api, &names).await?;
        token_acl::delete_servers(api, &token, &ids).await
    })
    .await?;
    message::success(&format!("token {} no longer reaches {shown}", args.target));
    Ok(())
}

fn listed(names: &str) -> Result<Vec<String>, CliError> {
    let names = prompt::split_list(names);
    if names.is_empty() {
        return Err(CliError::usage("--servers names no server"));
    }
    Ok(names)
}
