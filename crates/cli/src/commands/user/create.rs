//! `alpacon user create` (`cli-admin.md` §4.5). The public client only asks; flags
//! are there for programs.

use client::config::AuthMethod;
use client::users::{self, CurrentUser, NewUser};

use crate::commands::{challenge, privilege};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// System account name; everything is asked for when left out.
    #[arg(long)]
    username: Option<String>,
    /// Read the password from stdin, one line.
    #[arg(long)]
    password_stdin: bool,
    /// Mail address.
    #[arg(long)]
    email: Option<String>,
    /// Given name.
    #[arg(long)]
    first_name: Option<String>,
    /// Family name.
    #[arg(long)]
    last_name: Option<String>,
    /// Phone number.
    #[arg(long)]
    phone: Option<String>,
    /// Free words, for example "#dev #seoul".
    #[arg(long)]
    tags: Option<String>,
    /// For people.
    #[arg(long)]
    description: Option<String>,
    /// Login shell, an absolute path.
    #[arg(long)]
    shell: Option<String>,
    /// The account is kept in a directory (LDAP).
    #[arg(long)]
    ldap: bool,
    /// Give staff privileges; superusers only.
    #[arg(long)]
    staff: bool,
    /// Give all privileges; superusers only.
    #[arg(long)]
    superuser: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if !prompt::is_interactive() {
        args.check_complete()?;
    }
    if context.config()?.auth_method() == AuthMethod::BrowserLogin {
        return Err(CliError::refusal(
            "people log in to this workspace with a browser; use `alpacon user invite`",
        )
        .into());
    }
    let mut session = context.connect().await?;
    let caller = privilege::staff(&session, "create users").await?;
    let user = if args.username.is_some() {
        args.completed()?
    } else {
        args.asked(&caller)?
    };
    challenge::curing(&mut session, async |api| users::create(api, &user).await).await?;
    message::success(&format!("user {} created", user.username));
    Ok(())
}

impl Args {
    /// Without a terminal nothing can be asked.
    fn check_complete(&self) -> Result<(), CliError> {
        let missing = [
            (self.username.is_none(), "--username"),
            (self.email.is_none(), "--email"),
            (!self.password_stdin, "--password-stdin"),
        ];
        match missing.into_iter().find(|(is_missing, _)| *is_missing) {
            Some((_, flag)) => Err(CliError::usage(format!(
                "{flag} is required when there is no terminal"
            ))),
            None => Ok(()),
        }
    }

    /// What was given, asking only for what is required.
    fn completed(self) -> Result<NewUser, CliError> {
        Ok(NewUser {
            username: self.username.unwrap_or_default(),
            password: password(self.password_stdin)?,
            email: match self.email {
                Some(email) => email,
                None => prompt::required("Mail address: ")?,
            },
            first_name: self.first_name.unwrap_or_default(),
            last_name: self.last_name.unwrap_or_default(),
            phone: self.phone.unwrap_or_default(),
            tags: self.tags.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            shell: self.shell.unwrap_or_default(),
            is_active: true,
            is_staff: self.staff,
            is_superuser: self.superuser,
            is_ldap_user: self.ldap,
        })
    }

    /// Asks for everything that was not given.
    fn asked(self, caller: &CurrentUser) -> Result<NewUser, CliError> {
        let required = |given: Option<String>, question: &str| {
            given.map_or_else(|| prompt::required(question), Ok)
        };
        let optional = |given: Option<String>, question: &str| {
            given.map_or_else(|| prompt::line(question), Ok)
        };
        let flag = |given: bool, question: &str| match given {
            true => Ok(true),
            false => prompt::yes_or_no(question),
        };
        Ok(NewUser {
            username: prompt::required("Username: ")?,
            password: password(self.password_stdin)?,
            first_name: required(self.first_name, "First name: ")?,
            last_name: required(self.last_name, "Last name: ")?,
            email: required(self.email, "Mail address: ")?,
            phone: optional(self.phone, "Phone (optional): ")?,
            tags: optional(self.tags, "Tags, for example #dev, #seoul (optional): ")?,
            description: optional(self.description, "Description (optional): ")?,
            shell: optional(self.shell, "Login shell (optional): ")?,
            is_active: true,
            is_ldap_user: flag(self.ldap, "Is the account kept in a directory (LDAP)?")?,
            is_staff: self.staff
                || caller.is_superuser && prompt::yes_or_no("Shall it have staff privileges?")?,
            is_superuser: self.superuser
                || caller.is_superuser && prompt::yes_or_no("Shall it have all privileges?")?,
        })
    }
}

/// Asks twice, because nobody sees what was typed.
fn password(from_stdin: bool) -> Result<String, CliError> {
    if from_stdin {
        return match prompt::line("")? {
            password if password.is_empty() => Err(CliError::usage("the password is empty")),
            password => Ok(password),
        };
    }
    loop {
        let password = prompt::password("Password: ")?;
        if password.is_empty() {
            message::warning("a password is required");
        } else if password == prompt::password("Password again: ")? {
            return Ok(password);
        } else {
            message::warning("the passwords differ");
        }
    }
}
