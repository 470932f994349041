//! `alpacon group member`.

use client::{groups, memberships, users};

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;
use crate::prompt;

const ROLES: [&str; 3] = ["owner", "manager", "member"];

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Add a user to a group.
    Add(AddArgs),
    /// Remove a user from a group.
    #[command(alias = "rm")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pair: Pair,
    /// What the user may do in the group; asked for when left out.
    #[arg(short, long, value_parser = ROLES, ignore_case = true)]
    role: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pair: Pair,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Who and where.
#[derive(Debug, clap::Args)]
struct Pair {
    /// Group name; asked for when left out.
    #[arg(short, long)]
    group: Option<String>,
    /// Username; asked for when left out.
    #[arg(short, long)]
    user: Option<String>,
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Add(args) => add(context, args).await,
        Verb::Delete(args) => delete(context, args).await,
    }
}

async fn add(context: &Context, args: AddArgs) -> Result<(), Failure> {
    let (group, user) = args.pair.completed()?;
    let role = match args.role {
        Some(role) => role.to_ascii_lowercase(),
        None if prompt::is_interactive() => ask_role()?,
        None => return Err(missing("--role").into()),
    };
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let group = groups::id(api, &group).await?;
        let user = users::id_by_username(api, &user).await?;
        memberships::add(api, &group, &user, &role).await
    })
    .await?;
    message::success(&format!("{user} is now {role} of the group {group}"));
    Ok(())
}

async fn delete(context: &Context, args: DeleteArgs) -> Result<(), Failure> {
    let (group, user) = args.pair.completed()?;
    let question = format!("Remove {user} from the group {group}?");
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    let was_member = challenge::curing(&mut session, async |api| {
        let group = groups::id(api, &group).await?;
        let user = users::id_by_username(api, &user).await?;
        let Some(membership) = memberships::find(api, &group, &user).await? else {
            return Ok(false);
        };
        memberships::delete(api, &membership.id).await?;
        Ok(true)
    })
    .await?;
    if !was_member {
        return Err(CliError::refusal(format!("{user} is not in the group {group}")).into());
    }
    message::success(&format!("{user} removed from the group {group}"));
    Ok(())
}

impl Pair {
    fn completed(self) -> Result<(String, String), CliError> {
        let value = |given: Option<String>, flag: &str, question: &str| match given {
            Some(value) if !value.trim().is_empty() => Ok(value),
            _ if prompt::is_interactive() => prompt::required(question),
            _ => Err(missing(flag)),
        };
        Ok((
            value(self.group, "--group", "Group: ")?,
            value(self.user, "--user", "Username: ")?,
        ))
    }
}

fn ask_role() -> Result<String, CliError> {
    let question = format!("Role ({}): ", ROLES.join(", "));
    loop {
        let answer = prompt::line(&question)?.to_ascii_lowercase();
        if ROLES.contains(&answer.as_str()) {
            return Ok(answer);
        }
        message::warning("choose one of the three");
    }
}

fn missing(flag: &str) -> CliError {
    CliError::usage(format!("{flag} is required when there is no terminal"))
}
