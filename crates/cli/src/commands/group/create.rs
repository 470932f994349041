//! `alpacon group create` (`cli-admin.md` §5.5). The public client only asks; flags
//! are there for programs.

use client::groups::{self, NewGroup};
use client::servers::{self, Server};

use crate::commands::{challenge, privilege};
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::output::{self, message, sanitize};
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name on hosts; everything is asked for when left out.
    #[arg(long)]
    name: Option<String>,
    /// Name for people.
    #[arg(long)]
    display_name: Option<String>,
    /// Free words, for example "#dev #seoul".
    #[arg(long)]
    tags: Option<String>,
    /// For people.
    #[arg(long)]
    description: Option<String>,
    /// Names of the servers that its members see, separated by commas.
    #[arg(long)]
    servers: Option<String>,
    /// The group is kept in a directory (LDAP).
    #[arg(long)]
    ldap: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if !prompt::is_interactive() {
        for (given, flag) in [
            (&args.name, "--name"),
            (&args.display_name, "--display-name"),
        ] {
            if given.is_none() {
                return Err(CliError::usage(format!(
                    "{flag} is required when there is no terminal"
                ))
                .into());
            }
        }
    }
    let mut session = context.connect().await?;
    privilege::staff(&session, "create groups").await?;
    let group = if args.name.is_some() {
        args.completed(&session).await?
    } else {
        args.asked(&session).await?
    };
    challenge::curing(&mut session, async |api| groups::create(api, &group).await).await?;
    message::success(&format!("group {} created", group.name));
    Ok(())
}

impl Args {
    /// What was given, asking only for what is required.
    async fn completed(self, session: &Session) -> Result<NewGroup, Failure> {
        let servers = prompt::split_list(self.servers.as_deref().unwrap_or_default());
        Ok(NewGroup {
            name: self.name.unwrap_or_default(),
            display_name: match self.display_name {
                Some(name) => name,
                None => prompt::required("Display name: ")?,
            },
            tags: self.tags.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            is_ldap_group: self.ldap,
            servers: servers::ids_by_name(&session.api, &servers).await?,
        })
    }

    /// Asks for everything that was not given.
    async fn asked(self, session: &Session) -> Result<NewGroup, Failure> {
        let optional = |given: Option<String>, question: &str| {
            given.map_or_else(|| prompt::line(question), Ok)
        };
        let name = prompt::required("Group name: ")?;
        let display_name = match self.display_name {
            Some(name) => name,
            None => prompt::required("Display name: ")?,
        };
        let tags = optional(self.tags, "Tags, for example #dev, #seoul (optional): ")?;
        let description = optional(self.description, "Description (optional): ")?;
        let servers = match self.servers {
            Some(names) => prompt::split_list(&names),
            None => ask_servers(&servers::list(&session.api).await?)?,
        };
        let is_ldap_group =
            self.ldap || prompt::yes_or_no("Is the group kept in a directory (LDAP)?")?;
        Ok(NewGroup {
            name,
            display_name,
            tags,
            description,
            is_ldap_group,
            servers: servers::ids_by_name(&session.api, &servers).await?,
        })
    }
}

/// Names of the servers chosen by their numbers.
fn ask_servers(servers: &[Server]) -> Result<Vec<String>, CliError> {
    if servers.is_empty() {
        message::info("there is no server yet; the group gets none");
        return Ok(Vec::new());
    }
    output::stderr("Servers:\n");
    for (index, server) in servers.iter().enumerate() {
        let name = sanitize::cell(&server.name);
        output::stderr(&format!("  [{}] {name}\n", index + 1));
    }
    let numbers = prompt::list("Numbers of the servers that the members see, for example 1,2: ")?;
    if numbers.is_empty() {
        return Err(CliError::refusal("no server was chosen"));
    }
    numbers
        .iter()
        .map(|number| chosen(servers, number))
        .collect()
}

fn chosen(servers: &[Server], number: &str) -> Result<String, CliError> {
    number
        .parse::<usize>()
        .ok()
        .and_then(|number| servers.get(number.checked_sub(1)?))
        .map(|server| server.name.clone())
        .ok_or_else(|| CliError::refusal(format!("{number:?} is no number of the list")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_from_one() {
        let servers: Vec<Server> = ["a", "b"]
            .map(|name| Server {
                name: name.to_owned(),
                ..Server::default()
            })
            .into();
        assert_eq!(chosen(&servers, "2").unwrap(), "b");
        for number in ["0", "3", "x", "-1", ""] {
            assert!(chosen(&servers, number).is_err(), "{number:?}");
        }
    }
}
